using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>Values that may be null, to and from the framework's own.</summary>
public static class CellValueExtensions
{
    public static CellValue OrNull(this string? value) => value is null ? CellValue.Null : CellValue.Of(value);

    public static CellValue OrNull(this byte[]? value) => value is null ? CellValue.Null : CellValue.Of(value);

    public static CellValue OrNull(this long? value) => value is { } number ? CellValue.Of(number) : CellValue.Null;

    public static CellValue OrNull(this double? value) => value is { } number ? CellValue.Of(number) : CellValue.Null;

    public static CellValue OrNull(this bool? value) => value is { } flag ? CellValue.Of(flag) : CellValue.Null;

    public static CellValue OrNull(this DateTimeOffset? value) => value is { } time ? CellValue.Of(time) : CellValue.Null;

    public static string? AsStringOrNull(this CellValue value) => value.IsNull ? null : value.AsString();

    public static byte[]? AsBytesOrNull(this CellValue value) => value.IsNull ? null : value.AsBytes();

    public static long? AsInt64OrNull(this CellValue value) => value.IsNull ? null : value.AsInt64();

    public static double? AsDoubleOrNull(this CellValue value) => value.IsNull ? null : value.AsDouble();

    public static bool? AsBoolOrNull(this CellValue value) => value.IsNull ? null : value.AsBool();

    /// <exception cref="InvalidOperationException">It is not a timestamp.</exception>
    public static DateTimeOffset AsTime(this CellValue value) => Micros.ToTime(value.AsTimestamp());

    public static DateTimeOffset? AsTimeOrNull(this CellValue value) => value.IsNull ? null : value.AsTime();
}
