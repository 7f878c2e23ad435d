using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Client.VirtualLogs;

/// <summary>Reads one Loglet after the other, and asks for what comes next while its caller is busy with what came. Not thread-safe.</summary>
/// <param name="log">Whose Loglets.</param>
/// <param name="maxBytes">About how much to read at once.</param>
/// <param name="cancellationToken">Of all reads.</param>
internal sealed class ReadAhead(VirtualLog log, int maxBytes, CancellationToken cancellationToken) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    private Task<ReadResult>? _next;
    private (LogletId Loglet, long Min, long Max, long Bound) _asked;

    /// <inheritdoc cref="ILogletReader.ReadNextAsync"/>
    public async ValueTask<ReadResult> ReadAsync(LogletConfig loglet, long min, long max, long bound)
    {
        // What failed while nobody waited for it is asked again: it may have been long ago.
        if (_next is { IsFaulted: true } or { IsCanceled: true } || _asked != (loglet.Id, min, max, bound)) await DropAsync().ConfigureAwait(false);
        var asked = _next ?? Ask(loglet, min, max, bound);
        _next = null;
        var read = await asked.ConfigureAwait(false);
        if (read is not { Status: StatusCode.Ok, Count: > 0 } || read.First + read.Count is var next && next >= max) return read;
        _asked = (loglet.Id, next, max, bound);
        _next = Ask(loglet, next, max, bound);
        return read;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await DropAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>Fails by its result only: who asks ahead has something in hand.</summary>
    private async Task<ReadResult> Ask(LogletConfig loglet, long min, long max, long bound) =>
        await log.Loglets.Get(loglet).ReadNextAsync(min, max, bound, maxBytes, _stop.Token).ConfigureAwait(false);

    private async ValueTask DropAsync()
    {
        if (_next is not { } next) return;
        _next = null;
        await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (next.IsCompletedSuccessfully) (await next.ConfigureAwait(false)).Dispose();
    }
}
