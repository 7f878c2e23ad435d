using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// Reads one Loglet after the other, and asks for what comes next while its caller is busy with what came. Where an answer will end nobody knows, since it is bounded by bytes; but how many entries have room in one the answers
/// before tell. So the next reads are of so many positions each, and are under way at the same time: the LogServer has one to answer while the answer to the one before is on its way. Not thread-safe.
/// </summary>
/// <param name="open">The Loglet of that config, to be read.</param>
/// <param name="maxBytes">About how much to read at once.</param>
/// <param name="cancellationToken">Of all reads.</param>
internal sealed class ReadAhead(Func<LogletConfig, ILogletReader> open, int maxBytes, CancellationToken cancellationToken) : IAsyncDisposable
{
    /// <summary>Reads under way that nobody waits for yet. With the one in the caller's hands, and the rest of one that was too long, four answers are in memory at most.</summary>
    private const int Depth = 2;

    /// <summary>How much of the bytes that an answer may have is counted on: entries differ, and what has no room is one more read.</summary>
    private const double Filled = 15.0 / 16;

    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

    /// <summary>Contiguous, in order.</summary>
    private readonly List<Asked> _ahead = new(Depth + 1);

    private (LogletId Loglet, long Max, long Bound) _range;

    /// <inheritdoc cref="ILogletReader.ReadNextAsync"/>
    public async ValueTask<ReadResult> ReadAsync(LogletConfig loglet, long min, long max, long bound)
    {
        var asked = await TakeAsync(loglet, min, max, bound).ConfigureAwait(false);
        ReadResult read;
        try
        {
            read = await asked.Read.ConfigureAwait(false);

            // There is nothing in a part of the range: the caller asked for all of it.
            if (read is { Status: StatusCode.Ok, Count: 0 } && asked.End < max) read = await AskAsync(loglet, min, max, bound).ConfigureAwait(false);
        }
        catch
        {
            await DropAsync().ConfigureAwait(false);
            throw;
        }

        if (read is { Status: StatusCode.Ok, Count: > 0 }) AskFurther(loglet, read, asked.End, max, bound);
        return read;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await DropAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>The read that was asked ahead, or a new one. What failed while nobody waited for it is asked again: it may have been long ago.</summary>
    private async ValueTask<Asked> TakeAsync(LogletConfig loglet, long min, long max, long bound)
    {
        if (_range == (loglet.Id, max, bound) && _ahead is [var first, ..] && first.Min == min && !first.Read.IsFaulted && !first.Read.IsCanceled)
        {
            _ahead.RemoveAt(0);
            return first;
        }

        await DropAsync().ConfigureAwait(false);
        _range = (loglet.Id, max, bound);
        return new Asked(min, max, AskAsync(loglet, min, max, bound));
    }

    private void AskFurther(LogletConfig loglet, in ReadResult read, long end, long max, long bound)
    {
        var next = read.First + read.Count;

        // More bytes than was thought: the rest of its range comes first.
        if (_ahead.Count > 0 && next < end) _ahead.Insert(0, new Asked(next, end, AskAsync(loglet, next, end, bound)));
        var positions = Math.Max(1, (long)(read.Count * Filled * maxBytes / Math.Max(1, read.Entries?.Length ?? 0)));
        while (_ahead.Count < Depth)
        {
            if (_ahead.Count > 0) next = _ahead[^1].End;
            if (next >= max) return;
            end = Math.Min(max, next + positions);
            _ahead.Add(new Asked(next, end, AskAsync(loglet, next, end, bound)));
        }
    }

    /// <summary>Fails by its result only: who asks ahead has something in hand.</summary>
    private async Task<ReadResult> AskAsync(LogletConfig loglet, long min, long max, long bound) =>
        await open(loglet).ReadNextAsync(min, max, bound, maxBytes, _stop.Token).ConfigureAwait(false);

    private async ValueTask DropAsync()
    {
        foreach (var asked in _ahead)
        {
            await ((Task)asked.Read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (asked.Read.IsCompletedSuccessfully) (await asked.Read.ConfigureAwait(false)).Dispose();
        }

        _ahead.Clear();
    }

    /// <summary>A read of the positions from <paramref name="Min"/> on, below <paramref name="End"/>.</summary>
    private readonly record struct Asked(long Min, long End, Task<ReadResult> Read);
}
