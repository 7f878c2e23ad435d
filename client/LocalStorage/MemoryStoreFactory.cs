using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>Keeps what a <see cref="MemoryStore"/> holds from one opening to the next, as a disk would.</summary>
public sealed class MemoryStoreFactory : ILocalStoreFactory
{
    private MemoryState _flushed = MemoryState.Empty;
    private MemoryState _left = MemoryState.Empty;

    public ILocalStore Open() => new MemoryStore(this, _left);

    public async ValueTask RestoreAsync(string directory, CancellationToken cancellationToken) => _left = _flushed = await MemoryCheckpoint.ReadAsync(directory, cancellationToken).ConfigureAwait(false);

    public ValueTask ClearAsync(CancellationToken cancellationToken)
    {
        _left = _flushed = MemoryState.Empty;
        return ValueTask.CompletedTask;
    }

    /// <summary>While no store is open: what was not flushed is gone.</summary>
    public void Crash() => _left = _flushed;

    internal void OnFlushed(MemoryState state) => _flushed = state;

    internal void OnClosed(MemoryState state) => _left = state;
}
