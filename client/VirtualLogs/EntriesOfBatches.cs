namespace Delos.Client.VirtualLogs;

/// <summary>The entries of batches, one by one: all but the first of a batch without any of what an asynchronous step costs.</summary>
internal sealed class EntriesOfBatches(IAsyncEnumerable<LogBatch> batches) : IAsyncEnumerable<LogEntry>
{
    public IAsyncEnumerator<LogEntry> GetAsyncEnumerator(CancellationToken cancellationToken = default) => new Enumerator(batches.GetAsyncEnumerator(cancellationToken));

    private sealed class Enumerator(IAsyncEnumerator<LogBatch> batches) : IAsyncEnumerator<LogEntry>
    {
        private IReadOnlyList<LogEntry> _entries = [];
        private int _next;

        // Null before the first, where nobody may ask.
        public LogEntry Current { get; private set; } = null!;

        public ValueTask<bool> MoveNextAsync() => TryMoveNext() ? ValueTask.FromResult(true) : MoveToNextBatchAsync();

        public ValueTask DisposeAsync()
        {
            _entries = [];
            return batches.DisposeAsync();
        }

        private bool TryMoveNext()
        {
            if (_next >= _entries.Count) return false;
            Current = _entries[_next++];
            return true;
        }

        private async ValueTask<bool> MoveToNextBatchAsync()
        {
            while (await batches.MoveNextAsync().ConfigureAwait(false))
            {
                (_entries, _next) = (batches.Current.Entries, 0);
                if (TryMoveNext()) return true;
            }

            return false;
        }
    }
}
