using System.Buffers.Binary;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Key ranges that belong to nobody any more, since their table or index was dropped; ids are never used again. <see cref="Sweeper"/> removes them step by step.</summary>
/// <param name="Id">Of the job.</param>
/// <param name="Ranges">What is left to remove: in which space, [from, to).</param>
internal sealed record PurgeJob(uint Id, IReadOnlyList<(StoreSpace Space, byte[] From, byte[] To)> Ranges)
{
    /// <summary>Has the sweeper remove all keys that begin like these.</summary>
    public static void Add(CommandScope scope, params ReadOnlySpan<(StoreSpace Space, byte[] Prefix)> prefixes)
    {
        var ranges = new List<(StoreSpace, byte[], byte[])>();
        foreach (var (space, prefix) in prefixes) ranges.Add((space, prefix, KeyCodec.Successor(prefix)));
        new PurgeJob(scope.NewId(), ranges).Write(scope.Store);
    }

    /// <summary>The oldest one; null: there is none.</summary>
    public static PurgeJob? First(IStoreReader store)
    {
        using var cursor = store.Scan(StoreSpace.Meta, StoreKeys.Purges, KeyCodec.Successor(StoreKeys.Purges));
        return cursor.MoveNext() ? Decode(BinaryPrimitives.ReadUInt32BigEndian(cursor.Key[1..]), cursor.Value) : null;
    }

    /// <summary>Stores what is left, or nothing if nothing is left.</summary>
    public void Write(IStoreTransaction store)
    {
        if (Ranges.Count == 0)
        {
            store.Delete(StoreSpace.Meta, StoreKeys.Purge(Id));
            return;
        }

        var bytes = new ByteBuilder(64);
        bytes.U32((uint)Ranges.Count);
        foreach (var (space, from, to) in Ranges)
        {
            bytes.U8((byte)space);
            bytes.Bytes(from);
            bytes.Bytes(to);
        }

        store.Put(StoreSpace.Meta, StoreKeys.Purge(Id), bytes.Written);
    }

    private static PurgeJob Decode(uint id, ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        var ranges = new (StoreSpace, byte[], byte[])[reader.Count(9)];
        for (var i = 0; i < ranges.Length; i++) ranges[i] = ((StoreSpace)reader.U8(), reader.Bytes(), reader.Bytes());
        return reader.IsComplete ? new PurgeJob(id, ranges) : throw new InvalidDataException("A purge is damaged in the store.");
    }
}
