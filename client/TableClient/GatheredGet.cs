using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>One of the gets of a <see cref="Gathering"/>. Answered once, unless its caller has given it up. What the caller does next runs on the thread that answers.</summary>
internal sealed class GatheredGet
{
    private readonly TaskCompletionSource<VersionedRow?> _row = new();
    private readonly CancellationTokenRegistration _cancellation;

    /// <param name="key">The primary key's values.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public GatheredGet(CellValue[] key, CancellationToken cancellationToken)
    {
        Key = key;
        CancellationToken = cancellationToken;

        // Not on the thread that cancels: it may be about anything.
        _cancellation = cancellationToken.UnsafeRegister(static (get, _) => ThreadPool.UnsafeQueueUserWorkItem(static g => g.GiveUp(), (GatheredGet)get!, preferLocal: false), this);
    }

    public CellValue[] Key { get; }

    public CancellationToken CancellationToken { get; }

    /// <summary>What the caller waits for.</summary>
    public Task<VersionedRow?> Row => _row.Task;

    public void Answer(VersionedRow? row)
    {
        _cancellation.Dispose();
        _row.TrySetResult(row);
    }

    public void Fail(Exception e)
    {
        _cancellation.Dispose();
        if (e is OperationCanceledException && CancellationToken.IsCancellationRequested) GiveUp();
        else _row.TrySetException(e);
    }

    private void GiveUp() => _row.TrySetCanceled(CancellationToken);
}
