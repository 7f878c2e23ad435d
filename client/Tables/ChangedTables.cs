using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>
/// Tables of which the commands of a batch may have changed rows, or which they dropped: by name, since a table's rows change by commands that name it. Some may be named that have not changed; never is one missing. Not thread-safe.
/// </summary>
public sealed class ChangedTables
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private string? _last;

    /// <summary>Any table may be among them: rows that expired were removed, wherever they were.</summary>
    public bool All { get; private set; }

    /// <summary>Besides <see cref="All"/>.</summary>
    public IReadOnlyCollection<string> Names => _names;

    /// <summary>Allocates nothing for a table that is there already, or was in an earlier batch.</summary>
    public void Add(string table)
    {
        // The operations of a transaction have the same string for the same table.
        if (ReferenceEquals(table, _last)) return;
        _last = table;
        _names.Add(table);
    }

    public void AddAll() => All = true;

    public void Clear()
    {
        All = false;
        _last = null;
        _names.Clear();
    }

    /// <summary>What that command may have changed.</summary>
    internal void Add(TableCommand command, TableReply reply)
    {
        switch (command)
        {
            case Transact transact when reply.IsOk:
                for (var i = 0; i < transact.Ops.Count; i++)
                {
                    if (transact.Ops[i].Kind != OpKind.Check) Add(transact.Ops[i].Table);
                }

                break;
            case DropTable drop when reply.IsOk:
                Add(drop.Name);
                break;

            // Both remove rows that have expired, the second one also when it is refused.
            case Sweep when reply.Done > 0:
            case BackfillIndex:
                AddAll();
                break;
            default:
                break;
        }
    }
}
