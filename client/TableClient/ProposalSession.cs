using Delos.Protocol.Messages;

namespace Delos.Client.Tables;

/// <summary>Numbers the proposals of one session, and says which of them is the lowest without an answer. Thread-safe.</summary>
/// <param name="id">As the log gave it.</param>
internal sealed class ProposalSession(ulong id)
{
    private readonly Lock _lock = new();
    private readonly bool[] _unanswered = new bool[TablePropose.Window];
    private ulong _floor = 1;
    private ulong _last;
    private TaskCompletionSource? _room;

    public ulong Id => id;

    /// <summary>The lowest number that still waits for its answer; goes along with every proposal.</summary>
    public ulong Floor
    {
        get
        {
            lock (_lock) return _floor;
        }
    }

    /// <summary>The next number; or false while the lowest that is unanswered is too far behind, and what to wait for.</summary>
    public bool TryNext(out ulong sequence, out Task room)
    {
        lock (_lock)
        {
            sequence = 0;
            room = Task.CompletedTask;
            if (_last + 1 - _floor >= TablePropose.Window)
            {
                room = (_room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
                return false;
            }

            sequence = ++_last;
            _unanswered[sequence % TablePropose.Window] = true;
            return true;
        }
    }

    /// <summary>Its answer is there, or nobody waits for it any more.</summary>
    public void Answered(ulong sequence)
    {
        TaskCompletionSource? room = null;
        lock (_lock)
        {
            _unanswered[sequence % TablePropose.Window] = false;
            if (sequence != _floor) return;
            while (_floor <= _last && !_unanswered[_floor % TablePropose.Window]) _floor++;
            (room, _room) = (_room, null);
        }

        room?.SetResult();
    }
}
