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
    /// <summary>Reads of what comes next that are under way, or answered, before the caller asks.</summary>
    private const int Depth = 2;

    /// <summary>Reads ahead at most: those of what comes behind are kept when an answer ends before its range does, and the rest is asked for.</summary>
    private const int Most = 4;

    /// <summary>How much of the room in an answer is counted on: entries differ, and what has no room is one more read.</summary>
    private const double Filled = 15.0 / 16;

    /// <summary>In order; the first ones contiguous.</summary>
    private readonly List<Asked> _ahead = new(Most);

    private CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    private (LogletId Loglet, long Max, long Bound) _range;

    /// <summary>Positions of a read; 0: no answer has told how many have room.</summary>
    private long _positions;

    /// <inheritdoc cref="ILogletReader.ReadNextAsync"/>
    public async ValueTask<ReadResult> ReadAsync(LogletConfig loglet, long min, long max, long bound)
    {
        var asked = await TakeAsync(loglet, min, max, bound).ConfigureAwait(false);
        ReadResult read;
        try
        {
            read = await asked.Read.ConfigureAwait(false);
            if (read is { Status: StatusCode.Ok, Count: 0 } && asked.End < max)
            {
                // There is nothing in a part of the range: the caller asked for all of it.
                await DropAsync().ConfigureAwait(false);
                asked = Ask(loglet, min, max, bound);
                read = await asked.Read.ConfigureAwait(false);
            }
        }
        catch
        {
            await DropAsync().ConfigureAwait(false);
            throw;
        }

        if (read is { Status: StatusCode.Ok, Count: > 0 })
        {
            Learn(read, asked.End);
            AskAhead(loglet, read.First + read.Count, max, bound);
        }

        return read;
    }

    public async ValueTask DisposeAsync()
    {
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
        return Ask(loglet, min, max, bound);
    }

    /// <summary>How many positions have room in an answer.</summary>
    private void Learn(in ReadResult read, long end)
    {
        var isCut = read.First + read.Count < end;
        var bytes = Math.Max(1, read.Entries?.Length ?? 0);
        var room = Math.Max(1, (long)(Filled * (isCut ? read.Count : read.Count * ((double)maxBytes / bytes))));

        // Of few bytes, since no more were asked for, it tells little: there may be more room, but nothing says that there is less.
        var tellsLittle = !isCut && bytes < maxBytes / 4 && _positions > 0;
        _positions = tellsLittle ? Math.Max(_positions, Math.Min(room, 2 * _positions)) : room;
    }

    /// <summary>Asks for what comes next and is not asked for yet: behind the last read, or between two if the answer to a former one ended early.</summary>
    private void AskAhead(LogletConfig loglet, long next, long max, long bound)
    {
        for (var i = 0; i < Depth && next < max; i++)
        {
            if (i == _ahead.Count || _ahead[i].Min != next)
            {
                if (i > 0 && _ahead.Count >= Most) return;
                var limit = i < _ahead.Count ? _ahead[i].Min : max;
                _ahead.Insert(i, Ask(loglet, next, Math.Min(limit, next + _positions), bound));
            }

            next = _ahead[i].End;
        }
    }

    /// <summary>Fails by its result only: who asks ahead has something in hand.</summary>
    private Asked Ask(LogletConfig loglet, long min, long end, long bound)
    {
        return new Asked(min, end, AskAsync(_stop.Token));

        async Task<ReadResult> AskAsync(CancellationToken stop) => await open(loglet).ReadNextAsync(min, end, bound, maxBytes, stop).ConfigureAwait(false);
    }

    /// <summary>Nobody wants what was asked ahead.</summary>
    private async ValueTask DropAsync()
    {
        if (_ahead.Count == 0) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var asked in _ahead)
        {
            await ((Task)asked.Read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (asked.Read.IsCompletedSuccessfully) (await asked.Read.ConfigureAwait(false)).Dispose();
        }

        _ahead.Clear();
        _stop.Dispose();
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <summary>A read of the positions from <paramref name="Min"/> on, below <paramref name="End"/>.</summary>
    private readonly record struct Asked(long Min, long End, Task<ReadResult> Read);
}
