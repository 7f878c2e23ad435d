namespace Delos.Runtime;

/// <summary>What a state machine gets: the runtime's own space is not for it, since what is there may differ among replicas.</summary>
internal sealed class MachineTransaction(EffectChecksum effects) : IStoreTransaction
{
    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => effects.Get(Checked(space), key);

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => effects.Scan(Checked(space), from, to, reverse);

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => effects.Put(Checked(space), key, value);

    public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes) => effects.Append(Checked(space), key, bytes);

    public void Delete(StoreSpace space, ReadOnlySpan<byte> key) => effects.Delete(Checked(space), key);

    public int Savepoint() => effects.Savepoint();

    public void RollBackTo(int savepoint) => effects.RollBackTo(savepoint);

    public void Commit() => effects.Commit();

    public void Dispose()
    {
    }

    private static StoreSpace Checked(StoreSpace space) =>
        space is StoreSpace.Data or StoreSpace.Index or StoreSpace.Meta ? space : throw new ArgumentOutOfRangeException(nameof(space), space, "State machines have the spaces Data, Index and Meta.");
}
