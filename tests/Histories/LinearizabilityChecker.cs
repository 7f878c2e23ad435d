namespace Delos.Tests.Histories;

/// <summary>
/// Is there an order of the operations, each at one moment between its call and its return, in which a sequential object would have given the same results? The search of Wing and Gong ("Testing and
/// verifying concurrent objects", 1993) with Lowe's memory of configurations ("Testing for linearizability", 2017): the set of operations taken so far together with the state; one that was met before is not
/// searched again. Operations without a known outcome may be placed anywhere behind their call, or left out.
/// </summary>
/// <remarks>A completed operation that leaves the state as it is (a read that fits) is placed as soon as it can be, and nothing else is tried: whatever order explains the rest does so with it in front, too. Only writes branch.</remarks>
public static class LinearizabilityChecker
{
    /// <summary>Bounds the search.</summary>
    public const int MaxConfigurations = 2_000_000;

    public static LinearizabilityResult<TOperation> Check<TState, TOperation>(
        ISequentialSpec<TState, TOperation> spec, IEnumerable<HistoryOperation<TOperation>> history, int maxConfigurations = MaxConfigurations)
        where TState : notnull
    {
        HistoryOperation<TOperation>[] operations = [.. history.OrderBy(o => o.Invoked)];
        return new Search<TState, TOperation>(spec, operations, maxConfigurations).Run();
    }

    private sealed class Search<TState, TOperation>(ISequentialSpec<TState, TOperation> spec, HistoryOperation<TOperation>[] operations, int maxConfigurations)
        where TState : notnull
    {
        private readonly Event[] _events = Link(operations);
        private readonly HashSet<Configuration<TState>> _met = [];
        private readonly Stack<(int Operation, TState Before, bool IsForced)> _taken = new();
        private readonly ulong[] _set = new ulong[(operations.Length + 63) / 64];
        private readonly int _due = operations.Count(o => o.Completed is not null);
        private int[] _longest = [];

        public LinearizabilityResult<TOperation> Run()
        {
            var state = spec.Initial;
            var returned = 0;
            var at = _events[0].Next;
            var fitting = Fitting(state);
            while (returned < _due)
            {
                // The end of the list, or the return of an operation that is not placed: whatever is chosen now lies behind it, so the last choice was wrong.
                var isOver = fitting < 0 && (at == 0 || _events[at].IsReturn);
                var operation = fitting >= 0 ? fitting : _events[at].Operation;
                if (!isOver && TryApply(operation, state, out var next) && IsNew(operation, next))
                {
                    if (_met.Count > maxConfigurations) return new LinearizabilityResult<TOperation>(null, [], []);
                    _taken.Push((operation, state, fitting >= 0));
                    state = next;
                    if (operations[operation].Completed is not null) returned++;
                    Take(operation);
                    at = _events[0].Next;
                    fitting = Fitting(state);
                }
                else if (!isOver && fitting < 0)
                {
                    at = _events[at].Next;
                }
                else if (TryBack(ref state, ref returned, out at))
                {
                    fitting = -1;
                }
                else
                {
                    return Told(false, _longest);
                }
            }

            return Told(true, [.. _taken.Reverse().Select(t => t.Operation)]);
        }

        /// <summary>One of unknown outcome that would change nothing is left out instead: it may do something later.</summary>
        private bool TryApply(int operation, TState state, out TState next) =>
            spec.TryApply(state, operations[operation].Value, out next) && (operations[operation].Completed is not null || !next.Equals(state));

        /// <summary>A completed operation that may come next and changes nothing; -1: none.</summary>
        private int Fitting(TState state)
        {
            for (var at = _events[0].Next; at != 0 && !_events[at].IsReturn; at = _events[at].Next)
            {
                var operation = _events[at].Operation;
                if (operations[operation].Completed is not null && spec.TryApply(state, operations[operation].Value, out var next) && next.Equals(state)) return operation;
            }

            return -1;
        }

        /// <summary>To the last choice, and on to the next one there; false: there was none.</summary>
        private bool TryBack(ref TState state, ref int returned, out int at)
        {
            at = 0;
            if (_taken.Count > _longest.Length) _longest = [.. _taken.Reverse().Select(t => t.Operation)];
            while (_taken.TryPop(out var last))
            {
                state = last.Before;
                _set[last.Operation / 64] &= ~(1UL << last.Operation);
                if (operations[last.Operation].Completed is not null) returned--;
                Restore(last.Operation);
                at = _events[Call(last.Operation)].Next;
                if (!last.IsForced) return true;
            }

            return false;
        }

        private LinearizabilityResult<TOperation> Told(bool isLinearizable, int[] order) =>
            new(isLinearizable, [.. order.Select(i => operations[i])], isLinearizable ? [] : [.. operations.Where((o, i) => o.Completed is not null && !order.Contains(i)).Take(5)]);

        private bool IsNew(int operation, TState next)
        {
            _set[operation / 64] |= 1UL << operation;
            if (_met.Add(new Configuration<TState>([.. _set], next))) return true;
            _set[operation / 64] &= ~(1UL << operation);
            return false;
        }

        private int Call(int operation) => 1 + operation;

        private int Return(int operation) => 1 + operations.Length + operation;

        private void Take(int operation)
        {
            Unlink(Call(operation));
            if (operations[operation].Completed is not null) Unlink(Return(operation));
        }

        private void Restore(int operation)
        {
            if (operations[operation].Completed is not null) Relink(Return(operation));
            Relink(Call(operation));
        }

        private void Unlink(int at)
        {
            _events[_events[at].Previous].Next = _events[at].Next;
            _events[_events[at].Next].Previous = _events[at].Previous;
        }

        private void Relink(int at)
        {
            _events[_events[at].Previous].Next = at;
            _events[_events[at].Next].Previous = at;
        }

        /// <summary>A ring in the order of time, with its head at 0; the calls at 1.., the returns behind them. At one moment calls come first: operations that touch are concurrent.</summary>
        private static Event[] Link(HistoryOperation<TOperation>[] operations)
        {
            var events = new Event[1 + 2 * operations.Length];
            var order = new List<(long Time, bool IsReturn, int Index)>();
            for (var i = 0; i < operations.Length; i++)
            {
                order.Add((operations[i].Invoked, false, 1 + i));
                events[1 + i].Operation = i;
                if (operations[i].Completed is not { } completed) continue;
                ArgumentOutOfRangeException.ThrowIfLessThan(completed, operations[i].Invoked);
                order.Add((completed, true, 1 + operations.Length + i));
                events[1 + operations.Length + i] = new Event { Operation = i, IsReturn = true };
            }

            var previous = 0;
            foreach (var (_, _, index) in order.OrderBy(e => e.Time).ThenBy(e => e.IsReturn).ThenBy(e => e.Index))
            {
                events[previous].Next = index;
                events[index].Previous = previous;
                previous = index;
            }

            events[previous].Next = 0;
            events[0].Previous = previous;
            return events;
        }
    }

    private struct Event
    {
        public int Previous;
        public int Next;
        public int Operation;
        public bool IsReturn;
    }

    private readonly struct Configuration<TState>(ulong[] taken, TState state) : IEquatable<Configuration<TState>>
        where TState : notnull
    {
        private readonly ulong[] _taken = taken;
        private readonly TState _state = state;

        public bool Equals(Configuration<TState> other) => _state.Equals(other._state) && _taken.AsSpan().SequenceEqual(other._taken);

        public override bool Equals(object? obj) => obj is Configuration<TState> other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach (var word in _taken) hash.Add(word);
            hash.Add(_state);
            return hash.ToHashCode();
        }
    }
}

/// <param name="IsLinearizable">Null: the search was given up.</param>
/// <param name="Order">An order that explains the history; if there is none, the longest beginning of one that was found.</param>
/// <param name="Unplaced">Some of the completed operations for which that order has no place.</param>
public sealed record LinearizabilityResult<TOperation>(
    bool? IsLinearizable, IReadOnlyList<HistoryOperation<TOperation>> Order, IReadOnlyList<HistoryOperation<TOperation>> Unplaced);
