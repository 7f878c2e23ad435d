using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Which command was applied last and what log time it brought: what names a state of the tables.</summary>
public static class TableClock
{
    /// <summary>Of the state that a reader sees.</summary>
    public static SnapshotId Read(IStoreReader store)
    {
        if (store.Get(StoreSpace.Meta, StoreKeys.Clock) is not { } bytes) return SnapshotId.Empty;
        var reader = new MessageReader(bytes);
        var snapshot = new SnapshotId(new RowVersion(reader.I64(), (int)reader.U32()), reader.I64());
        return reader.IsComplete ? snapshot : throw new InvalidDataException("The clock in the store is damaged.");
    }

    internal static void Write(IStoreTransaction store, SnapshotId snapshot)
    {
        var bytes = ByteBuilder.Scratch;
        bytes.I64(snapshot.Version.Position);
        bytes.U32((uint)snapshot.Version.Index);
        bytes.I64(snapshot.Time);
        store.Put(StoreSpace.Meta, StoreKeys.Clock, bytes.Written);
    }
}
