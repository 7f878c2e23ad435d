namespace Delos.Runtime;

/// <summary>
/// Exactly-once commands for a client whose proposals may go through several replicas: the answers of those that it may still ask for again are kept with the state. Numbers its commands; not thread-safe beyond that.
/// </summary>
public sealed class Session(ulong id)
{
    /// <summary>How long, in log time, a session lives after its last command.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(30);

    /// <summary>Most commands from the lowest unanswered one to the highest.</summary>
    public const int Window = 1024;

    private readonly Lock _lock = new();
    private readonly SortedSet<ulong> _unanswered = [];
    private ulong _last;

    /// <summary>Given by the log when the session was opened; never used twice.</summary>
    public ulong Id => id;

    /// <summary>The next command's number. Repeat the command with the same one until it is answered, then call <see cref="Answered"/>.</summary>
    public ulong Next()
    {
        lock (_lock)
        {
            _unanswered.Add(++_last);
            return _last;
        }
    }

    public void Answered(ulong sequence)
    {
        lock (_lock) _unanswered.Remove(sequence);
    }

    /// <summary>The lowest number that is not answered; goes along with every command.</summary>
    public ulong Floor
    {
        get
        {
            lock (_lock) return _unanswered.Count > 0 ? _unanswered.Min : _last + 1;
        }
    }
}
