using Delos.Protocol.Identity;

namespace Delos.Daemon.Storage;

/// <summary>The files of one generation as readers see them, and what each holds, which decides when a trim may delete it.</summary>
internal sealed class GenerationFiles(string directory, GenerationName name, FileCache cache, DiskOperations disk)
{
    private readonly Lock _lock = new();
    private readonly List<Contents> _contents = [];
    private long _tail = LogAddress.FirstLocal;
    private volatile bool _isOpen;

    /// <summary>Changes once, when a rewritten journal takes its place.</summary>
    public string Directory { get; set; } = directory;

    public GenerationName Name { get; } = name;

    /// <summary>
    /// From the first record until the closing is done, on the maintenance thread: its last file and its directory belong to whoever writes and closes it. It is open still when it is neither the live
    /// generation nor queued to be closed, while its last commit or its marker is under way.
    /// </summary>
    public bool IsOpen
    {
        get => _isOpen;
        set => _isOpen = value;
    }

    /// <summary>Files below this one were trimmed away.</summary>
    public int FirstFile { get; set; }

    /// <summary>The end of what may be read: the last durable record's end.</summary>
    public long Tail
    {
        get => Volatile.Read(ref _tail);
        set => Volatile.Write(ref _tail, value);
    }

    public string FilePath(int index) => Path.Combine(Directory, GenerationName.FileName(index));

    /// <summary>The indexes of the files that are there, in order.</summary>
    public int[] FindFiles() => [.. System.IO.Directory.EnumerateFiles(Directory).Select(f => GenerationName.FileIndex(Path.GetFileName(f))).Where(i => i >= 0).Order()];

    /// <summary>Reads from one file at most; the bytes read.</summary>
    public int Read(long address, Span<byte> destination)
    {
        var offset = address & (Name.FileBytes - 1);
        var length = (int)Math.Min(destination.Length, Name.FileBytes - offset);
        return cache.Read(this, (int)(address >> Name.FileBits), destination[..length], offset, disk);
    }

    public void Forget(int index) => cache.Forget(this, index);

    public void Note(long address, LogletId loglet, long end)
    {
        var index = (int)(address >> Name.FileBits);
        lock (_lock)
        {
            while (_contents.Count <= index) _contents.Add(new Contents());
            _contents[index].Note(loglet, end);
        }
    }

    /// <summary>How many files from the first on hold nothing at or above the trim points, and whether they hold entries at all.</summary>
    public int CountTrimmed(int upTo, Func<LogletId, long> trimPoint, out bool hasEntries)
    {
        hasEntries = false;
        lock (_lock)
        {
            var index = FirstFile;
            for (; index < upTo; index++)
            {
                if (index >= _contents.Count) continue;
                if (!_contents[index].AllBelow(trimPoint)) break;
                hasEntries |= _contents[index].Any;
            }

            return index - FirstFile;
        }
    }

    private sealed class Contents
    {
        private readonly List<(LogletId Loglet, long End)> _ends = [];

        public bool Any => _ends.Count > 0;

        public void Note(LogletId loglet, long end)
        {
            for (var i = 0; i < _ends.Count; i++)
            {
                if (_ends[i].Loglet != loglet) continue;
                if (_ends[i].End < end) _ends[i] = (loglet, end);
                return;
            }

            _ends.Add((loglet, end));
        }

        public bool AllBelow(Func<LogletId, long> trimPoint)
        {
            foreach (var (loglet, end) in _ends)
            {
                if (end > trimPoint(loglet)) return false;
            }

            return true;
        }
    }
}
