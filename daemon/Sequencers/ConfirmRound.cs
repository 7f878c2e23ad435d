namespace Delos.Daemon.Sequencers;

/// <summary>
/// The answers to one round of the fast checkTail. It is confirmed when a majority answered "open, this incarnation" and the global tail has reached what a majority may hold:
/// the highest of two answers of three replicas, the middle of three (DESIGN §3). Somebody may have seen that much by the slow path already, so an answer below it could go backwards.
/// </summary>
public sealed class ConfirmRound(int replicas, int quorum)
{
    private readonly long[] _tails = new long[replicas];
    private readonly long[] _sorted = new long[replicas];
    private int _answers;

    /// <summary>Counts the rounds from 1; answers to others are not counted.</summary>
    public ulong Number { get; private set; }

    public bool IsOut { get; private set; }

    public void Start()
    {
        Number++;
        IsOut = true;
        _answers = 0;
        Array.Fill(_tails, -1);
    }

    public void End() => IsOut = false;

    public bool HasAnswered(int replica) => _tails[replica] >= 0;

    public void Answer(int replica, ulong round, long tail)
    {
        if (!IsOut || round != Number || HasAnswered(replica)) return;
        _tails[replica] = tail;
        _answers++;
    }

    /// <summary>False while no majority has answered.</summary>
    public bool TryGetRequiredTail(out long tail)
    {
        tail = 0;
        if (!IsOut || _answers < quorum) return false;
        // Those that did not answer may hold anything. A majority that includes all of them needs only this many of the answers.
        _tails.CopyTo(_sorted.AsSpan());
        Array.Sort(_sorted);
        tail = _sorted[replicas - RankAmongAnswers];
        return true;
    }

    private int RankAmongAnswers => Math.Max(1, quorum - (replicas - _answers));
}
