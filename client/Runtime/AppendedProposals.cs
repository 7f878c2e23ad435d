namespace Delos.Runtime;

/// <summary>
/// The proposals that one process has put into entries of the log, until they are answered: by this replica's own applying them, or since they cannot be any more. Not thread-safe.
/// </summary>
/// <typeparam name="T">Somebody who waits for an answer.</typeparam>
internal sealed class AppendedProposals<T>
    where T : class
{
    private readonly Dictionary<ulong, Batch> _batches = [];
    private ulong _lastNumber;
    private long _cursor;

    /// <summary>An entry is about to be appended.</summary>
    /// <returns>Its number.</returns>
    public ulong Add(IReadOnlyList<T> proposals)
    {
        _batches[++_lastNumber] = new Batch(proposals);
        return _lastNumber;
    }

    /// <summary>This replica has applied a proposal of the entry with that number. Null: nobody waits for it.</summary>
    public T? OnApplied(ulong number, int index)
    {
        if (!_batches.TryGetValue(number, out var batch) || batch.Take(index) is not { } answered) return null;
        if (batch.Unanswered == 0) _batches.Remove(number);
        return answered;
    }

    /// <summary>The entry is at that position. Empty, unless this replica is past it: those that it has not answered then nobody ever will.</summary>
    public IReadOnlyList<T> OnAppended(ulong number, long position)
    {
        if (!_batches.TryGetValue(number, out var batch)) return [];
        batch.Position = position;
        return position < _cursor ? OnFailed(number) : [];
    }

    /// <summary>The entry is not in the log, or nobody knows.</summary>
    /// <returns>Those who wait for it.</returns>
    public IReadOnlyList<T> OnFailed(ulong number) => _batches.Remove(number, out var batch) ? batch.Waiting : [];

    /// <summary>Everything below has been applied, and those concerned were told. What was appended there and is still unanswered was edited by an operator, or came with a restored snapshot.</summary>
    /// <returns>Those who wait for it, and the position.</returns>
    public IReadOnlyList<(T Waiting, long Position)> OnCursor(long cursor)
    {
        _cursor = cursor;
        List<(T Waiting, long Position)>? passed = null;
        foreach (var (number, batch) in _batches)
        {
            if (batch.Position < 0 || batch.Position >= cursor) continue;
            passed ??= [];
            foreach (var waiting in batch.Waiting) passed.Add((waiting, batch.Position));
            _batches.Remove(number);
        }

        return passed ?? [];
    }

    /// <summary>Gives up waiting.</summary>
    public IReadOnlyList<T> TakeAll()
    {
        var all = _batches.Values.SelectMany(static b => b.Waiting).ToList();
        _batches.Clear();
        return all;
    }

    /// <summary>The proposals of one entry.</summary>
    private sealed class Batch(IReadOnlyList<T> proposals)
    {
        private readonly T?[] _waiting = [.. proposals];

        /// <summary>Where the entry is; -1: not known yet.</summary>
        public long Position { get; set; } = -1;

        public int Unanswered { get; private set; } = proposals.Count;

        public IReadOnlyList<T> Waiting => [.. _waiting.OfType<T>()];

        /// <summary>Counts an answer; null: it was given already, or the entry has more proposals than were put into it, so it is not the one.</summary>
        public T? Take(int index)
        {
            if (index >= _waiting.Length || _waiting[index] is not { } taken) return null;
            _waiting[index] = null;
            Unanswered--;
            return taken;
        }
    }
}
