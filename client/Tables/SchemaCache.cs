using System.Collections.Concurrent;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>
/// Decoded schemas, by table. An entry is used only if the bytes in the store are those that it was made from, so it can never be stale, whatever happens to the store. Thread-safe.
/// </summary>
public sealed class SchemaCache
{
    private readonly ConcurrentDictionary<uint, (byte[] Bytes, TableLayout Layout)> _layouts = new();

    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    internal TableLayout LayoutOf(uint tableId, byte[] bytes)
    {
        if (_layouts.TryGetValue(tableId, out var known) && known.Bytes.AsSpan().SequenceEqual(bytes)) return known.Layout;
        var layout = new TableLayout(SchemaCodec.Decode(bytes) ?? throw new InvalidDataException($"The schema of table {tableId} is damaged in the store."));

        // Of tables that were dropped entries are left: rather than to look for them, all are forgotten now and then.
        if (_layouts.Count > 2 * TableLimits.Tables) _layouts.Clear();
        _layouts[tableId] = (bytes, layout);
        return layout;
    }
}
