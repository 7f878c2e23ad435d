using System.Diagnostics;
using System.Globalization;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Daemon.Storage;

/// <summary>
/// Where a store's new files come from: a few zeroed files kept ready (writing into blocks that were written before needs no journal commit of the file system:
/// 339 → 181 µs measured), else one allocated on the spot. Also keeps a reserve of space, given up bit by bit when a full disk must still take a seal.
/// </summary>
internal sealed class SpareFiles
{
    /// <summary>The file and page of a generation that is opened on a full disk, for control records only.</summary>
    public const int SmallFileBytes = 64 << 10;

    /// <summary>Suffix of a file whose space is not there yet. A file that bears its final name is as large as it is to be, so that one that is shorter was damaged.</summary>
    public const string HalfMade = ".tmp";

    private const int ReserveFileBytes = 4 << 20;
    private const int FillBytes = 256 << 10;

    /// <summary>While a file is ready the next one has time: after each piece the disk is left to the commits for so many times as long as the piece took.</summary>
    private const int RestPerPiece = 3;

    private const int ReservePiece = 2 * SmallFileBytes;

    /// <summary>
    /// While half of the files are still ready, and none is being made, the next one is not begun before so long: one is taken just before the segment is replaced, and then the disk is to do nothing but what the appenders wait for.
    /// </summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly Queue<string> _ready = new();
    private readonly string _directory;
    private readonly StorageOptions _options;
    private readonly DiskMaintenance _maintenance;
    private Refilling _refilling;
    private int _made;
    private string _fillingPath = "";
    private SafeFileHandle? _filling;
    private long _filled;
    private byte[]? _zeros;
    private int _zerosStart;

    private enum Refilling : byte
    {
        No,

        /// <summary>Begins when <see cref="s_grace"/> is over.</summary>
        Due,

        UnderWay,
    }

    public SpareFiles(string directory, StorageOptions options, DiskMaintenance maintenance)
    {
        _directory = directory;
        _options = options;
        _maintenance = maintenance;
        Directory.CreateDirectory(directory);
        foreach (var file in Directory.EnumerateFiles(directory))
        {
            // Whether a spare of a former run was zeroed to the end is not known.
            if (Path.GetFileName(file) != "reserve") File.Delete(file);
        }

        maintenance.Post(GrowReserve);
        RequestRefill();
    }

    /// <summary>Creates a file of a generation, allocated in full and opened for durable writes. The caller syncs the directory. Throws IoException, no space included.</summary>
    public SafeFileHandle Create(string path, int fileBytes)
    {
        if (fileBytes == _options.SegmentFileBytes)
        {
            string? spare;
            lock (_lock) _ready.TryDequeue(out spare);
            RequestRefill();
            if (spare is not null)
            {
                SafeFileHandle? file = null;
                try
                {
                    file = Posix.Open(spare, Posix.O_RDWR | Posix.O_DSYNC);
                    if (RandomAccess.GetLength(file) < fileBytes) Extend(file, fileBytes, _options.Disk, spare);
                    if (_options.DirectIo) file = OpenDirect(spare, file);
                    Posix.Rename(spare, path);
                    return file;
                }
                catch
                {
                    file?.Dispose();
                    lock (_lock) _ready.Enqueue(spare);
                    throw;
                }
            }
        }

        return Allocate(path, fileBytes, _options.Disk);
    }

    public static SafeFileHandle Allocate(string path, int fileBytes, DiskOperations disk)
    {
        var made = path + HalfMade;
        var file = Posix.Open(made, Posix.O_RDWR | Posix.O_DSYNC | Posix.O_CREAT | Posix.O_EXCL);
        try
        {
            Extend(file, fileBytes, disk, path);
            Posix.Rename(made, path);
            return file;
        }
        catch
        {
            file.Dispose();
            File.Delete(made);
            throw;
        }
    }

    private static void Extend(SafeFileHandle file, int fileBytes, DiskOperations disk, string path)
    {
        disk.Allocate(file, 0, fileBytes, path);
        disk.DataSync(file, path);
    }

    /// <summary>Gives a piece of the reserve back to the file system. False: nothing is left.</summary>
    public bool ReleaseReserve()
    {
        lock (_lock)
        {
            using var file = Posix.Open(ReservePath, Posix.O_RDWR | Posix.O_CREAT);
            var length = new FileInfo(ReservePath).Length;
            if (length == 0) return false;
            Posix.Truncate(file, Math.Max(0, length - ReservePiece), ReservePath);
            _maintenance.Post(GrowReserve);
            return true;
        }
    }

    private string ReservePath => Path.Combine(_directory, "reserve");

    private bool GrowReserve()
    {
        lock (_lock)
        {
            try
            {
                using var file = Posix.Open(ReservePath, Posix.O_RDWR | Posix.O_CREAT);
                _options.Disk.Allocate(file, 0, ReserveFileBytes, ReservePath);
                return true;
            }
            catch (IoException e) when (e.IsShortage)
            {
                return false;
            }
        }
    }

    private void RequestRefill()
    {
        lock (_lock)
        {
            var hasTime = 2 * _ready.Count >= _options.SpareFiles;
            if (_options.SpareFiles == 0 || _refilling == Refilling.UnderWay || (_refilling == Refilling.Due && hasTime)) return;
            _refilling = hasTime ? Refilling.Due : Refilling.UnderWay;
            if (hasTime) _maintenance.PostBackground(BeginRefill, s_grace);
            else _maintenance.PostBackground(Refill, TimeSpan.Zero);
        }
    }

    /// <summary>Unless it has begun meanwhile.</summary>
    private bool BeginRefill()
    {
        lock (_lock)
        {
            if (_refilling != Refilling.Due) return true;
            _refilling = Refilling.UnderWay;
        }

        // Not called here: what is tried again for want of space must be the refill, not its beginning.
        _maintenance.PostBackground(Refill, TimeSpan.Zero);
        return true;
    }

    /// <summary>A piece of the work per call, so that what an appender waits for need not wait long.</summary>
    private bool Refill()
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            if (_filling is null)
            {
                lock (_lock)
                {
                    if (_ready.Count >= _options.SpareFiles)
                    {
                        _refilling = Refilling.No;
                        return true;
                    }
                }

                _fillingPath = Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"spare-{_made++:d6}"));
                _filling = OpenUncached(_fillingPath);
                _filled = 0;
                _options.Disk.Allocate(_filling, 0, _options.SegmentFileBytes, _fillingPath);
            }

            if (FillPiece()) FinishSpare();
        }
        catch (IoException e) when (e.IsShortage)
        {
            _filling?.Dispose();
            _filling = null;
            if (File.Exists(_fillingPath)) File.Delete(_fillingPath);
            return false;
        }

        bool isUrgent;
        lock (_lock) isUrgent = _ready.Count == 0;
        _maintenance.PostBackground(Refill, isUrgent ? TimeSpan.Zero : RestPerPiece * Stopwatch.GetElapsedTime(began));
        return true;
    }

    /// <summary>True: the file is zeroed to its end.</summary>
    private bool FillPiece()
    {
        var length = Math.Min(FillBytes, _options.SegmentFileBytes);
        Posix.PWrite(_filling!, Zeros(length), _filled, _fillingPath);

        // Piece by piece, or one large flush would hold up the commits.
        Posix.FDataSync(_filling!, _fillingPath);
        _filled += length;
        return _filled >= _options.SegmentFileBytes;
    }

    /// <summary>Instead of the given handle, which stays where the file system knows no such thing.</summary>
    private static SafeFileHandle OpenDirect(string path, SafeFileHandle buffered)
    {
        try
        {
            var direct = Posix.Open(path, Posix.O_RDWR | Posix.O_DSYNC | Posix.O_DIRECT);
            buffered.Dispose();
            return direct;
        }
        catch (IoException e) when (e.IsInvalid)
        {
            return buffered;
        }
    }

    /// <summary>
    /// Past the page cache where the file system allows it: copying zeros into it took a fifth of the processors under load. Commits write whole pages (see <see cref="SegmentDevice"/>), so that none has to be
    /// read first.
    /// </summary>
    private static SafeFileHandle OpenUncached(string path)
    {
        const int flags = Posix.O_RDWR | Posix.O_CREAT | Posix.O_EXCL;
        try
        {
            return Posix.Open(path, flags | Posix.O_DIRECT);
        }
        catch (IoException e) when (e.IsInvalid)
        {
            File.Delete(path);
            return Posix.Open(path, flags);
        }
    }

    /// <summary>Aligned, as writes past the page cache demand.</summary>
    private ReadOnlySpan<byte> Zeros(int length)
    {
        if (_zeros is null)
        {
            _zeros = GC.AllocateArray<byte>(length + Posix.PageSize, pinned: true);
            _zerosStart = Posix.AlignedStart(_zeros);
        }

        return _zeros.AsSpan(_zerosStart, length);
    }

    private void FinishSpare()
    {
        _filling!.Dispose();
        _filling = null;
        lock (_lock) _ready.Enqueue(_fillingPath);
    }
}
