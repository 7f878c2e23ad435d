namespace Delos.Client.Loglets;

/// <summary>Who appends: what all ops of one log handle share.</summary>
/// <param name="clientId">64 random bits, one handle's for ever.</param>
public class AppendClient(ulong clientId)
{
    private ulong _floor = 1;

    public ulong ClientId { get; } = clientId;

    /// <summary>
    /// The lowest sequence not resolved yet; sent with every append. The sequencer refuses everything below and forgets it, so it is raised only when nothing below is ever sent again.
    /// Read on any thread; starts at 1 and only grows.
    /// </summary>
    public virtual ulong Floor
    {
        get => Volatile.Read(ref _floor);
        set => Volatile.Write(ref _floor, value);
    }

    /// <summary>After a run of <see cref="AppendOp.OnCompleted"/> calls of one Loglet: the place for what is done once per run.</summary>
    public virtual void OnCompletionsDelivered()
    {
    }
}
