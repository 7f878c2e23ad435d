using System.Diagnostics;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// Where this process has databases open. One that was closed while readers still hold it is open until they let go: RocksDB refuses another one there, and if its files were replaced, it would write its own among the new ones when
/// it ends. Whoever comes waits for that.
/// </summary>
internal static class OpenDirectories
{
    private static readonly Dictionary<string, OpenDirectory> s_open = new(StringComparer.Ordinal);

    /// <summary>A database has been opened there.</summary>
    public static OpenDirectory Add(string directory)
    {
        var place = new OpenDirectory(directory);
        lock (s_open) s_open[directory] = place;
        return place;
    }

    /// <summary>Waits until none is open there that has been closed already.</summary>
    /// <returns>False: one is open that nobody has closed.</returns>
    /// <exception cref="StoreException">Its readers keep it for longer than that.</exception>
    public static bool WaitUntilFree(string directory, TimeSpan patience, string operation)
    {
        var begun = Stopwatch.GetTimestamp();
        lock (s_open)
        {
            while (s_open.TryGetValue(directory, out var place))
            {
                if (!place.IsClosing) return false;
                var left = patience - Stopwatch.GetElapsedTime(begun);
                if (left <= TimeSpan.Zero) throw new StoreException(operation, $"the store was closed, but snapshots or cursors of it are still in use, also after {patience.TotalSeconds:0.###} s; whoever has them must dispose of them first");
                Monitor.Wait(s_open, left);
            }

            return true;
        }
    }

    internal static void Remove(OpenDirectory place)
    {
        lock (s_open)
        {
            if (s_open.GetValueOrDefault(place.Directory) == place) s_open.Remove(place.Directory);
            Monitor.PulseAll(s_open);
        }
    }
}

/// <summary>A directory in which a database is open. Knows nothing of the database, which the collector may find before this.</summary>
internal sealed class OpenDirectory(string directory)
{
    private volatile bool _isClosing;

    public string Directory { get; } = directory;

    /// <summary>Its owner has closed it; readers may hold it still.</summary>
    public bool IsClosing => _isClosing;

    public void BeginClosing() => _isClosing = true;

    /// <summary>The database is closed.</summary>
    public void Leave() => OpenDirectories.Remove(this);
}
