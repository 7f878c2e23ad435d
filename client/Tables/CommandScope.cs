using System.Buffers.Binary;
using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>
/// What applying the commands of one entry of the log works with, one after the other: the store, the command's version and log time, and the tables that it touches. What many small commands write again and again, a table's counters and the
/// newest page of its changes, is kept back until the entry is complete (<see cref="WriteKept"/>).
/// </summary>
internal sealed class CommandScope(IStoreTransaction store, SchemaCache cache)
{
    /// <summary>Most tables about which something is kept, so that one is found quickly.</summary>
    private const int MostKept = 64;

    // Of the entry, and of the command.
    private readonly List<TableWriter> _kept = [];
    private readonly List<TableWriter> _writers = [];

    public IStoreTransaction Store => store;

    public RowVersion Version { get; private set; }

    /// <summary>Log time, in microseconds since 1970-01-01 00:00 UTC.</summary>
    public long Time { get; private set; }

    public Catalog Catalog { get; } = new(store, cache);

    /// <summary>Of the changes that the command made so far.</summary>
    public long ChangedBytes
    {
        get
        {
            var bytes = 0L;
            foreach (var writer in _writers) bytes += writer.ChangedBytes;
            return bytes;
        }
    }

    /// <summary>Goes on to the next command.</summary>
    public void Begin(RowVersion version, long time)
    {
        (Version, Time) = (version, time);
        _writers.Clear();
        if (_kept.Count >= MostKept) WriteKept();
    }

    /// <summary>Null: there is no such table.</summary>
    public TableWriter? WriterOf(string table)
    {
        foreach (var writer in _kept)
        {
            if (writer.Schema.Name == table) return Used(writer);
        }

        return Catalog.Find(table) is { } layout ? WriterOf(layout) : null;
    }

    /// <summary>One for each table: what it counts is written at the end.</summary>
    public TableWriter WriterOf(TableLayout layout)
    {
        foreach (var writer in _kept)
        {
            if (writer.Schema.Id == layout.Schema.Id) return Used(writer);
        }

        var added = new TableWriter(this, layout);
        _kept.Add(added);
        return Used(added);
    }

    /// <summary>The answer if a table has outgrown its quotas by this command; null: none has.</summary>
    public TableReply? CheckQuotas()
    {
        foreach (var writer in _writers)
        {
            if (writer.CheckQuota() is { } refusal) return refusal;
        }

        return null;
    }

    /// <summary>The command is applied: removes changes that are not to be kept any longer.</summary>
    public void Finish()
    {
        foreach (var writer in _writers) writer.Finish();
    }

    /// <summary>Forgets what was counted of the command, after the store was rolled back.</summary>
    public void Forget()
    {
        foreach (var writer in _writers) writer.Forget();
        _writers.Clear();
    }

    /// <summary>Between two commands: writes what was kept back of those so far, and knows nothing of any table any more. Afterwards all that they changed can be found in the store.</summary>
    public void WriteKept()
    {
        foreach (var writer in _kept) writer.WriteKept();
        _kept.Clear();
        _writers.Clear();
    }

    /// <summary>An id that was never used: of a table, an index or a purge.</summary>
    public uint NewId()
    {
        var id = store.Get(StoreSpace.Meta, StoreKeys.NextId) is { } bytes ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 1;
        store.Put(StoreSpace.Meta, StoreKeys.NextId, StoreKeys.Prefix(id + 1));
        return id;
    }

    /// <summary>Writes a table's schema.</summary>
    public void PutSchema(TableSchema schema) => store.Put(StoreSpace.Meta, StoreKeys.Schema(schema.Id), SchemaCodec.Encode(schema));

    private TableWriter Used(TableWriter writer)
    {
        if (_writers.Contains(writer)) return writer;
        writer.Begin();
        _writers.Add(writer);
        return writer;
    }
}
