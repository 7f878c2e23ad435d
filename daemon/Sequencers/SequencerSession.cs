namespace Delos.Daemon.Sequencers;

/// <summary>What the sequencer role keeps per connection. Belongs to the connection's read loop.</summary>
internal sealed class SequencerSession
{
    /// <summary>The Loglets that the frames of the current batch concern; mostly one.</summary>
    public List<LogletSequencer> Touched { get; } = [];

    /// <summary>All Loglets that ever heard of the connection.</summary>
    public HashSet<LogletSequencer> Known { get; } = [];

    public EntryRunReader Runs { get; } = new();

    public FlushList Flushes { get; } = new();

    public void Touch(LogletSequencer sequencer)
    {
        if (Touched.Count > 0 && ReferenceEquals(Touched[^1], sequencer)) return;
        if (Touched.Contains(sequencer)) return;
        Touched.Add(sequencer);
        Known.Add(sequencer);
    }
}
