using System.Buffers.Binary;
using System.Text;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>Where things lie in the store: the keys of its three spaces. On disk. See docs/tables.md, "The store".</summary>
internal static class StoreKeys
{
    /// <summary>Bytes in front of the primary key in a row's key, and in front of the columns in an index entry.</summary>
    public const int PrefixSize = 4;

    /// <summary>In the index space, in place of an index's id: when rows expire.</summary>
    private const uint ExpiryIndex = 0;

    private const int ExpiryPrefixSize = 4 + 4 + 8;
    private const int ChangeKeySize = 1 + 4 + 8 + 4;
    private const ulong SignBit = 1UL << 63;

    /// <summary>Meta space: the last command applied and the log time.</summary>
    public static ReadOnlySpan<byte> Clock => [(byte)MetaKind.Clock];

    /// <summary>Meta space: the next id of a table, index or purge.</summary>
    public static ReadOnlySpan<byte> NextId => [(byte)MetaKind.NextId];

    public static byte[] Schemas => [(byte)MetaKind.Schema];

    public static byte[] Purges => [(byte)MetaKind.Purge];

    public static byte[] Schema(uint tableId) => Meta(MetaKind.Schema, tableId);

    public static byte[] Stats(uint tableId) => Meta(MetaKind.Stats, tableId);

    public static byte[] Purge(uint id) => Meta(MetaKind.Purge, id);

    public static byte[] Backfill(uint indexId) => Meta(MetaKind.Backfill, indexId);

    public static byte[] Changes(uint tableId) => Meta(MetaKind.Change, tableId);

    public static byte[] TableId(string name) => [(byte)MetaKind.TableId, .. Encoding.UTF8.GetBytes(name)];

    /// <summary>Meta space: the <see cref="ChangePage"/> that begins with a command's changes. With a version of <see cref="RowVersion.None"/>: the first key of the table's pages.</summary>
    public static byte[] ChangePage(uint tableId, RowVersion version)
    {
        if (version.IsNone) return Changes(tableId);
        var key = new byte[ChangeKeySize];
        key[0] = (byte)MetaKind.Change;
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(1), tableId);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(5), version.Position);
        BinaryPrimitives.WriteInt32BigEndian(key.AsSpan(13), version.Index);
        return key;
    }

    /// <summary>Where to look for changes after a version. In front of them may lie others of the same entry of the log: no page goes beyond one.</summary>
    public static byte[] ChangesFrom(uint tableId, RowVersion after) => ChangePage(tableId, after.IsNone ? after : after with { Index = 0 });

    /// <summary>The command whose changes a page begins with.</summary>
    public static RowVersion FirstOfPage(ReadOnlySpan<byte> key) => new(BinaryPrimitives.ReadInt64BigEndian(key[5..]), BinaryPrimitives.ReadInt32BigEndian(key[13..]));

    /// <summary>What the rows of a table (data space) or the entries of an index (index space) begin with.</summary>
    public static byte[] Prefix(uint id)
    {
        var key = new byte[PrefixSize];
        BinaryPrimitives.WriteUInt32BigEndian(key, id);
        return key;
    }

    /// <summary>Data space.</summary>
    public static byte[] Row(uint tableId, ReadOnlySpan<byte> primaryKey)
    {
        var key = new byte[PrefixSize + primaryKey.Length];
        BinaryPrimitives.WriteUInt32BigEndian(key, tableId);
        primaryKey.CopyTo(key.AsSpan(PrefixSize));
        return key;
    }

    /// <summary>Index space: what all expiries of a table begin with.</summary>
    public static byte[] Expiries(uint tableId)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(key, ExpiryIndex);
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(4), tableId);
        return key;
    }

    /// <summary>Index space: that a row expires at a time.</summary>
    public static byte[] ExpiryOf(uint tableId, long time, ReadOnlySpan<byte> primaryKey)
    {
        var key = new byte[ExpiryPrefixSize + primaryKey.Length];
        Expiries(tableId).CopyTo(key, 0);
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(8), (ulong)time ^ SignBit);
        primaryKey.CopyTo(key.AsSpan(ExpiryPrefixSize));
        return key;
    }

    public static long TimeOfExpiry(ReadOnlySpan<byte> key) => (long)(BinaryPrimitives.ReadUInt64BigEndian(key[8..]) ^ SignBit);

    public static ReadOnlySpan<byte> PrimaryKeyOfExpiry(ReadOnlySpan<byte> key) => key[ExpiryPrefixSize..];

    private static byte[] Meta(MetaKind kind, uint id)
    {
        var key = new byte[5];
        key[0] = (byte)kind;
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(1), id);
        return key;
    }

    /// <summary>First byte of a key in the meta space. On disk: values never change.</summary>
    private enum MetaKind : byte
    {
        Clock = 1,
        NextId = 2,
        Schema = 3,
        TableId = 4,
        Stats = 5,
        Change = 6,
        Purge = 7,
        Backfill = 8,
    }
}
