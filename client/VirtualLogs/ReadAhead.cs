using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// Reads one Loglet after the other, and asks for what comes next while its caller is busy with what came: two reads ahead, the second as soon as the first is answered, so that the LogServer need not wait for the caller.
/// Not thread-safe.
/// </summary>
/// <param name="log">Whose Loglets.</param>
/// <param name="maxBytes">About how much to read at once.</param>
/// <param name="cancellationToken">Of all reads.</param>
internal sealed class ReadAhead(VirtualLog log, int maxBytes, CancellationToken cancellationToken) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    private Task<ReadResult?>? _next;
    private Task<ReadResult?>? _second;
    private (LogletId Loglet, long Min, long Max, long Bound) _asked;

    /// <inheritdoc cref="ILogletReader.ReadNextAsync"/>
    public async ValueTask<ReadResult> ReadAsync(LogletConfig loglet, long min, long max, long bound)
    {
        // What failed while nobody waited for it is asked again: it may have been long ago.
        if (_next is { IsFaulted: true } or { IsCanceled: true } || _asked != (loglet.Id, min, max, bound)) await DropAsync().ConfigureAwait(false);
        var asked = _next ?? AskAsync(loglet, min, max, bound);
        var second = _second;
        (_next, _second) = (null, null);
        ReadResult read;
        try
        {
            read = await asked.ConfigureAwait(false) ?? throw new InvalidOperationException("A read ahead that follows none was taken for one.");
        }
        catch
        {
            _next = second;
            await DropAsync().ConfigureAwait(false);
            throw;
        }

        if (!GoesOn(read, max)) return read;
        _asked = (loglet.Id, read.First + read.Count, max, bound);
        _next = second ?? AskAfterAsync(asked, loglet, max, bound);
        _second = AskAfterAsync(_next, loglet, max, bound);
        return read;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await DropAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private static bool GoesOn(in ReadResult read, long max) => read is { Status: StatusCode.Ok, Count: > 0 } && read.First + read.Count < max;

    /// <summary>Fails by its result only: who asks ahead has something in hand.</summary>
    private async Task<ReadResult?> AskAsync(LogletConfig loglet, long min, long max, long bound) =>
        await log.Loglets.Get(loglet).ReadNextAsync(min, max, bound, maxBytes, _stop.Token).ConfigureAwait(false);

    /// <summary>What follows an answer, whose entries belong to whoever takes it; null: nothing does.</summary>
    private async Task<ReadResult?> AskAfterAsync(Task<ReadResult?> before, LogletConfig loglet, long max, long bound) =>
        await before.ConfigureAwait(false) is { } read && GoesOn(read, max) ? await AskAsync(loglet, read.First + read.Count, max, bound).ConfigureAwait(false) : null;

    private async ValueTask DropAsync()
    {
        var (next, second) = (_next, _second);
        (_next, _second) = (null, null);
        await DropAsync(next).ConfigureAwait(false);
        await DropAsync(second).ConfigureAwait(false);
    }

    private static async ValueTask DropAsync(Task<ReadResult?>? asked)
    {
        if (asked is null) return;
        await ((Task)asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (asked.IsCompletedSuccessfully) (await asked.ConfigureAwait(false))?.Dispose();
    }
}
