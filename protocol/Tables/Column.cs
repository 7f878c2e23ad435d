namespace Delos.Protocol.Tables;

/// <summary>A column as its creator describes it.</summary>
/// <param name="Name">Unique in its table, <see cref="TableNames"/>.</param>
/// <param name="Type">What it holds; not <see cref="ColumnType.Null"/>.</param>
/// <param name="Nullable">Whether it may hold no value.</param>
/// <param name="Default">What a row holds that does not say; null: nothing, which a column that is not nullable then refuses.</param>
public sealed record ColumnDefinition(string Name, ColumnType Type, bool Nullable = false, CellValue Default = default);

/// <summary>A column of a table.</summary>
/// <param name="Id">Never used again in its table, also after the column was dropped: rows name columns by it.</param>
/// <param name="Name">Unique in its table.</param>
/// <param name="Type">What it holds.</param>
/// <param name="Nullable">Whether it may hold no value.</param>
/// <param name="Default">Value of rows that do not say, among them those written before the column was added.</param>
public sealed record Column(ushort Id, string Name, ColumnType Type, bool Nullable, CellValue Default);
