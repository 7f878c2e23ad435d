using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Walks over a table's changes after a version, in order.</summary>
internal sealed class ChangeCursor(IStoreReader store, uint tableId, RowVersion after) : IDisposable
{
    private readonly IStoreCursor _pages = store.Scan(StoreSpace.Meta, StoreKeys.ChangesFrom(tableId, after), KeyCodec.Successor(StoreKeys.Changes(tableId)));
    private readonly Queue<(RowVersion Version, ChangeRecord Change)> _page = new();

    public RowVersion Version { get; private set; }

    public ChangeRecord Change { get; private set; } = ChangeRecord.None;

    /// <exception cref="InvalidDataException">The store is damaged.</exception>
    public bool MoveNext()
    {
        while (_page.Count == 0)
        {
            if (!_pages.MoveNext()) return false;

            // A page may begin with changes up to the version and go on with those after it.
            for (var page = new ChangePage.Reader(_pages.Key, _pages.Value); page.MoveNext();)
            {
                if (page.Version > after) _page.Enqueue((page.Version, ChangeRecord.Decode(page.Record)));
            }
        }

        (Version, Change) = _page.Dequeue();
        return true;
    }

    public void Dispose() => _pages.Dispose();
}
