namespace Delos.LocalStorage;

/// <summary>
/// The manifests of the snapshots that are being copied, parsed once and not for every part of a file. A few, those used last. Not thread-safe.
/// </summary>
/// <param name="most">How many.</param>
internal sealed class ManifestCache(int most)
{
    private readonly List<Item> _items = [];

    /// <summary>Manifests read so far.</summary>
    public int Parsed { get; private set; }

    /// <summary>As <see cref="SnapshotManifest.TryRead"/>; what is remembered counts only while the file is the same, by its size and time.</summary>
    public SnapshotManifest? TryRead(string directory)
    {
        var file = new FileInfo(SnapshotManifest.PathIn(directory));
        if (!file.Exists)
        {
            Forget(directory);
            return null;
        }

        var stamp = (file.LastWriteTimeUtc, file.Length);
        if (_items.FindIndex(i => i.Directory == directory && i.Stamp == stamp) is var found and >= 0)
        {
            var item = _items[found];
            _items.RemoveAt(found);
            _items.Add(item);
            return item.Manifest;
        }

        Forget(directory);
        Parsed++;
        if (SnapshotManifest.TryRead(directory) is not { } manifest) return null;
        if (_items.Count >= most) _items.RemoveAt(0);
        _items.Add(new Item(directory, stamp, manifest));
        return manifest;
    }

    public void Forget(string directory) => _items.RemoveAll(i => i.Directory == directory);

    private sealed record Item(string Directory, (DateTime Time, long Size) Stamp, SnapshotManifest Manifest);
}
