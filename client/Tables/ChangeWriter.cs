using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Writes the changes of a table that the commands of one entry make, page by page (<see cref="ChangePage"/>); what the newest page gets is kept back until the next one begins, or somebody asks for it.</summary>
internal sealed class ChangeWriter(IStoreTransaction store, uint tableId)
{
    // Of the command.
    private readonly ByteBuilder _command = new(256);

    // Of the newest page, what the store does not have yet.
    private readonly ByteBuilder _page = new(256);
    private bool _isNewPage;

    /// <summary>Changes of the command.</summary>
    public int Count { get; private set; }

    /// <summary>Of the changes of the command.</summary>
    public int Bytes => _command.Length;

    /// <summary>Adds a change of the command.</summary>
    /// <returns>Bytes that it takes.</returns>
    public int Add(int command, ChangeRecord change)
    {
        var before = _command.Length;
        ChangePage.Append(_command, command, change);
        Count++;
        return _command.Length - before;
    }

    /// <summary>Forgets the changes of the command, which was refused.</summary>
    public void Forget()
    {
        _command.Clear();
        Count = 0;
    }

    /// <summary>The command was applied: its changes go to the page of the commands before, if that is of the same entry of the log and has room, or begin another one.</summary>
    /// <param name="stats">Of the table.</param>
    /// <param name="version">The command's.</param>
    /// <returns>The counters, with the newest page.</returns>
    public TableStats Keep(TableStats stats, RowVersion version)
    {
        var bytes = _command.Length;
        if (stats.LastPage.Position == version.Position && stats.LastPageBytes + bytes <= ChangePage.Bytes)
        {
            stats = stats with { LastPageBytes = stats.LastPageBytes + bytes };
        }
        else
        {
            WriteKept(stats.LastPage);
            _isNewPage = true;
            stats = stats with { LastPage = version, LastPageBytes = bytes };
        }

        _page.Raw(_command.Written);
        Forget();
        return stats;
    }

    /// <summary>Writes what was kept back of the newest page, which this is.</summary>
    public void WriteKept(RowVersion page)
    {
        if (_page.Length == 0) return;
        var key = StoreKeys.ChangePage(tableId, page);
        if (_isNewPage) store.Put(StoreSpace.Meta, key, _page.Written);
        else store.Append(StoreSpace.Meta, key, _page.Written);
        _page.Clear();
        _isNewPage = false;
    }
}
