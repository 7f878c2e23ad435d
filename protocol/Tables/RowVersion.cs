using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>Which command wrote a row last: the log position of its entry and which of the entry's commands it was. Versions order all commands; those of one row only rise while it lives.</summary>
/// <param name="Position">Position of the entry in the log; -1 in <see cref="None"/>.</param>
/// <param name="Index">Of the command in the entry, from 0.</param>
public readonly record struct RowVersion(long Position, int Index) : IComparable<RowVersion>
{
    internal const int Size = 12;

    /// <summary>The version of a row that is not there, and of a log of which nothing was applied: below all others.</summary>
    public static RowVersion None { get; } = new(-1, 0);

    public bool IsNone => Position < 0;

    public static bool operator <(RowVersion left, RowVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(RowVersion left, RowVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(RowVersion left, RowVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(RowVersion left, RowVersion right) => left.CompareTo(right) >= 0;

    public int CompareTo(RowVersion other) => Position != other.Position ? Position.CompareTo(other.Position) : Index.CompareTo(other.Index);

    public override string ToString() => IsNone ? "none" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Position}.{Index}");

    internal static RowVersion Read(ref MessageReader reader)
    {
        var version = new RowVersion(reader.I64(), (int)reader.U32());
        if (version.Position < -1 || version.Index < 0 || (version.IsNone && version.Index != 0)) reader.Fail();
        return reader.Failed ? None : version;
    }

    internal void Write(ByteBuilder bytes)
    {
        bytes.I64(Position);
        bytes.U32((uint)Index);
    }
}

/// <summary>Which state of the tables a read saw: that after a command.</summary>
/// <param name="Version">The last command applied.</param>
/// <param name="Time">Log time then, in microseconds since 1970-01-01 00:00 UTC: rows that expired by then are not seen.</param>
public readonly record struct SnapshotId(RowVersion Version, long Time)
{
    /// <summary>The state before the first command.</summary>
    public static SnapshotId Empty { get; } = new(RowVersion.None, long.MinValue);

    internal static SnapshotId Read(ref MessageReader reader) => new(RowVersion.Read(ref reader), reader.I64());

    internal void Write(ByteBuilder bytes)
    {
        Version.Write(bytes);
        bytes.I64(Time);
    }
}
