using System.Buffers.Binary;
using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>What applying one command works with: the store, the command's version and log time, and the tables that it touches.</summary>
internal sealed class CommandScope(IStoreTransaction store, SchemaCache cache, RowVersion version, long time)
{
    private readonly List<TableWriter> _writers = [];

    public IStoreTransaction Store => store;

    public RowVersion Version => version;

    /// <summary>Log time, in microseconds since 1970-01-01 00:00 UTC.</summary>
    public long Time => time;

    public Catalog Catalog { get; } = new(store, cache);

    /// <summary>Null: there is no such table.</summary>
    public TableWriter? WriterOf(string table)
    {
        foreach (var writer in _writers)
        {
            if (writer.Schema.Name == table) return writer;
        }

        return Catalog.Find(table) is { } layout ? WriterOf(layout) : null;
    }

    /// <summary>One for each table and command: what it counts is written at the end.</summary>
    public TableWriter WriterOf(TableLayout layout)
    {
        foreach (var writer in _writers)
        {
            if (writer.Schema.Id == layout.Schema.Id) return writer;
        }

        var added = new TableWriter(this, layout);
        _writers.Add(added);
        return added;
    }

    /// <summary>Of the changes that the command made so far.</summary>
    public long ChangedBytes => _writers.Sum(static w => w.ChangedBytes);

    /// <summary>The answer if a table has outgrown its quotas by this command; null: none has.</summary>
    public TableReply? CheckQuotas()
    {
        foreach (var writer in _writers)
        {
            if (writer.CheckQuota() is { } refusal) return refusal;
        }

        return null;
    }

    /// <summary>Writes the counters, and removes changes that are not to be kept any longer.</summary>
    public void Finish()
    {
        foreach (var writer in _writers) writer.Finish();
    }

    /// <summary>Forgets what was counted, after the store was rolled back.</summary>
    public void Forget() => _writers.Clear();

    /// <summary>An id that was never used: of a table, an index or a purge.</summary>
    public uint NewId()
    {
        var id = store.Get(StoreSpace.Meta, StoreKeys.NextId) is { } bytes ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 1;
        store.Put(StoreSpace.Meta, StoreKeys.NextId, StoreKeys.Prefix(id + 1));
        return id;
    }

    /// <summary>Writes a table's schema.</summary>
    public void PutSchema(TableSchema schema) => store.Put(StoreSpace.Meta, StoreKeys.Schema(schema.Id), SchemaCodec.Encode(schema));
}
