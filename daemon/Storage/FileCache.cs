using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Daemon.Storage;

/// <summary>Files held open for reading: a bounded number, the least recently used is closed first. Thread-safe.</summary>
internal sealed class FileCache(int capacity) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(GenerationFiles Generation, int Index), LinkedListNode<Item>> _items = [];
    private readonly LinkedList<Item> _byUse = new();

    public int Read(GenerationFiles generation, int index, Span<byte> destination, long offset, DiskOperations disk)
    {
        var path = generation.FilePath(index);
        var file = Acquire(generation, index, path);
        try
        {
            return disk.Read(file, destination, offset, path);
        }
        finally
        {
            file.DangerousRelease();
        }
    }

    public void Forget(GenerationFiles generation, int index)
    {
        lock (_lock)
        {
            if (_items.Remove((generation, index), out var node)) Drop(node);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var item in _byUse) item.File.Dispose();
            _byUse.Clear();
            _items.Clear();
        }
    }

    /// <summary>The file with a reference on its handle, so that an eviction does not close it under the reader.</summary>
    private SafeFileHandle Acquire(GenerationFiles generation, int index, string path)
    {
        lock (_lock)
        {
            if (_items.TryGetValue((generation, index), out var node))
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
            }
            else
            {
                node = _byUse.AddFirst(new Item((generation, index), Posix.Open(path, Posix.O_RDONLY)));
                _items.Add((generation, index), node);
                if (_items.Count > capacity && _byUse.Last is { } oldest)
                {
                    _items.Remove(oldest.Value.Key);
                    Drop(oldest);
                }
            }

            var added = false;
            node.Value.File.DangerousAddRef(ref added);
            return node.Value.File;
        }
    }

    private void Drop(LinkedListNode<Item> node)
    {
        _byUse.Remove(node);
        node.Value.File.Dispose();
    }

    private readonly record struct Item((GenerationFiles Generation, int Index) Key, SafeFileHandle File);
}
