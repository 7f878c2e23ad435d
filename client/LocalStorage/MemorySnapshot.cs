using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>A view of a <see cref="MemoryStore"/>: its state is immutable anyway.</summary>
internal sealed class MemorySnapshot(MemoryState state) : IStoreSnapshot
{
    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => state.Get(space, key);

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => state.Scan(space, from, to, reverse);

    public void Dispose()
    {
    }
}
