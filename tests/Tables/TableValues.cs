using Delos.Protocol.Tables;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>Random values, and their order, written without regard to how the tables do it.</summary>
internal static class TableValues
{
    private static readonly double[] s_doubles = [0.0, -0.0, 1, -1, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.MaxValue, double.MinValue, double.Epsilon, -double.Epsilon, 0.1];
    private static readonly string[] s_texts = ["", "a", "b", "ab", "a\0", "a\0b", "\0", "\0\0", "é", "\uFFFD", "😀", "\uE000", "zebra", "ä", "A"];

    public static CellValue Of(FuzzRandom random, ColumnType type) => type switch
    {
        ColumnType.Null => CellValue.Null,
        ColumnType.Int64 => (long)random.Number() * (random.OneIn(2) ? -1 : 1),
        ColumnType.Double => random.OneIn(2) ? random.Pick(s_doubles) : BitConverter.UInt64BitsToDouble(random.Next64()),
        ColumnType.String => random.OneIn(4) ? random.Pick(s_texts) + random.Pick(s_texts) : random.Pick(s_texts),
        ColumnType.Bytes => Bytes(random),
        ColumnType.Bool => random.OneIn(2),
        _ => CellValue.Timestamp((long)random.Number()),
    };

    public static int Compare(CellValue a, CellValue b)
    {
        if (a.Type != b.Type) return ((int)a.Type).CompareTo((int)b.Type);
        return a.Type switch
        {
            ColumnType.Null => 0,
            ColumnType.Int64 => a.AsInt64().CompareTo(b.AsInt64()),
            ColumnType.Double => Compare(a.AsDouble(), b.AsDouble()),
            ColumnType.String => Compare(System.Text.Encoding.UTF8.GetBytes(a.AsString()), System.Text.Encoding.UTF8.GetBytes(b.AsString())),
            ColumnType.Bytes => Compare(a.AsBytes(), b.AsBytes()),
            ColumnType.Bool => a.AsBool().CompareTo(b.AsBool()),
            _ => a.AsTimestamp().CompareTo(b.AsTimestamp()),
        };
    }

    private static int Compare(double a, double b)
    {
        if (double.IsNaN(a) || double.IsNaN(b)) return double.IsNaN(a).CompareTo(double.IsNaN(b));
        if (a == 0 && b == 0) return double.IsNegative(b).CompareTo(double.IsNegative(a));
        return a.CompareTo(b);
    }

    private static int Compare(byte[] a, byte[] b)
    {
        for (var i = 0; i < Math.Min(a.Length, b.Length); i++)
        {
            if (a[i] != b[i]) return a[i].CompareTo(b[i]);
        }

        return a.Length.CompareTo(b.Length);
    }

    private static byte[] Bytes(FuzzRandom random)
    {
        var bytes = random.Bytes(random.Next(6));
        for (var i = 0; i < bytes.Length; i++)
        {
            if (random.OneIn(2)) bytes[i] = random.Pick<byte>([0, 1, 254, 255]);
        }

        return bytes;
    }
}
