using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Daemon.Storage;

// How generations come, grow, are closed, and are found again.
public abstract partial class RecordLog
{
    /// <summary>Ends the live generation after its last commit; the task ends when its marker is on disk and its memory given up.</summary>
    private protected Task CloseLive()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_live is { } live)
            {
                live.Closed = done;
                EndAppends(live);
                _live = null;
                Volatile.Write(ref _unproven, false);
            }
            else
            {
                return _lastClosing.Task;
            }

            _lastClosing = done;
        }

        Kick();
        if (Group.Failure is not null) AbandonClosing();
        return done.Task;
    }

    /// <summary>No append from now on.</summary>
    private protected Task CloseForGood()
    {
        lock (_gate) _closed = true;
        return CloseLive();
    }

    private protected GenerationFiles? FindGeneration(uint number)
    {
        foreach (var generation in Generations)
        {
            if (generation.Name.Number == number) return generation;
        }

        return null;
    }

    /// <summary>Under the gate: appends go to it.</summary>
    private protected bool IsLive(GenerationFiles files) => _live?.Files == files;

    /// <summary>How many files of an open generation a collection may take: all before the one that holds its last record. A marker without any file would be taken for damage.</summary>
    private protected static int LiveFileCount(GenerationFiles files) => (int)((files.Tail - 1) >> files.Name.FileBits);

    /// <summary>Under the gate.</summary>
    private protected void RemoveGeneration(GenerationFiles files) => Volatile.Write(ref _generations, [.. Generations.Where(g => g != files)]);

    /// <summary>Makes a new live generation of <paramref name="directory"/>'s files; under the gate. Throws IoException.</summary>
    private protected LiveGeneration CreateGeneration(GenerationName name, string directory, StorageOptions options)
    {
        var files = new GenerationFiles(directory, name, _cache, Options.Disk);
        try
        {
            Posix.MakeDirectory(Path);
            Posix.MakeDirectory(directory);
            var live = new LiveGeneration(files, options);
            try
            {
                live.Device.AddFile(CreateFile(files.FilePath(0), name.FileBytes));

                // All at the end, the innermost first: one commit of the file system's journal takes everything, and the others find nothing to do.
                Posix.SyncDirectory(directory);
                Posix.SyncDirectory(Path);
                if (Generations.Length == 0 && System.IO.Path.GetDirectoryName(Path) is { Length: > 0 } parent) Posix.SyncDirectory(parent);
                return live;
            }
            catch
            {
                live.Dispose();
                throw;
            }
        }
        catch (IoException)
        {
            Discard(directory);
            throw;
        }
    }

    /// <summary>Deletes a generation that was not to be. Without a file descriptor even that must wait.</summary>
    private protected void Discard(string directory)
    {
        try
        {
            Delete();
        }
        catch (IOException e) when (IoException.TellsShortage(e))
        {
            Group.Maintenance.Post(Delete);
        }

        bool Delete()
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            return true;
        }
    }

    private protected void InstallLive(LiveGeneration live)
    {
        live.Files.IsOpen = true;
        Volatile.Write(ref _generations, [.. _generations, live.Files]);
        _live = live;
        _noSpace = false;
        _fileRequested = false;
    }

    /// <summary>Appends go to <paramref name="live"/>, and none to the one before; under the gate.</summary>
    private void Follow(LiveGeneration live)
    {
        if (_live is { } former)
        {
            EndAppends(former);
            if (_waitsForFile) AnnounceLater();
            _waitsForFile = false;
        }

        WriteOpening(live);
        InstallLive(live);
    }

    /// <summary>Makes a generation that was written aside the only one; under both gates. Returns the former ones.</summary>
    private protected List<GenerationFiles> ReplaceAll(LiveGeneration live)
    {
        var old = Generations.ToList();
        var writers = _closing.ToList();
        if (_live is not null) writers.Add(_live);
        _closing.Clear();
        Volatile.Write(ref _generations, []);
        _previous = default;
        InstallLive(live);
        Volatile.Write(ref _durable, LogAddress.Make(live.Name.Number, live.Durable));
        _announce = true;
        foreach (var writer in writers)
        {
            writer.Dispose();
            writer.Closed?.TrySetResult();
        }

        return old;
    }

    private protected uint TakeNumber() => _nextNumber++;

    private static bool IsSmall(LiveGeneration live) => live.Name.FileBytes == SpareFiles.SmallFileBytes;

    private AppendStatus OpenLive(bool useReserve)
    {
        var now = Group.Time.GetTimestamp();
        try
        {
            if (now < _retryOpenAt && !useReserve)
            {
                AnnounceLater();
                return AppendStatus.NoSpace;
            }

            var name = GenerationName.New(TakeNumber(), Options);
            var live = CreateGeneration(name, System.IO.Path.Combine(Path, name.ToString()), Options);
            Follow(live);
            return AppendStatus.Ok;
        }
        catch (IoException e) when (e.IsShortage)
        {
            _retryOpenAt = now + (long)(Options.SpaceRetry.TotalSeconds * Group.Time.TimestampFrequency);
            Log.NoSpace(Group.Logger, Path, e.Message);
            AnnounceLater();
            return useReserve && e.IsNoSpace ? OpenSmall() : AppendStatus.NoSpace;
        }
        catch (IOException e)
        {
            Group.Fail(e);
            return AppendStatus.Failed;
        }
    }

    /// <summary>A full disk must still take a seal (DESIGN §3, LogServer rule 2): a generation of one small file, from the reserve.</summary>
    private AppendStatus OpenSmall()
    {
        var options = Options with { SegmentFileBytes = SpareFiles.SmallFileBytes, PageBytes = SpareFiles.SmallFileBytes, PageMemoryBytes = 4 * SpareFiles.SmallFileBytes, ReserveBytes = 0 };
        try
        {
            while (_spares?.ReleaseReserve() == true)
            {
                try
                {
                    var name = GenerationName.New(TakeNumber(), options);
                    var live = CreateGeneration(name, System.IO.Path.Combine(Path, name.ToString()), options);
                    Follow(live);
                    return AppendStatus.Ok;
                }
                catch (IoException e) when (e.IsNoSpace)
                {
                    // Somebody else took what was given up: the next piece, while there is one.
                }
            }

            return AppendStatus.NoSpace;
        }
        catch (IoException e) when (e.IsShortage)
        {
            return AppendStatus.NoSpace;
        }
        catch (IOException e)
        {
            Group.Fail(e);
            return AppendStatus.Failed;
        }
    }

    private SafeFileHandle CreateFile(string path, int fileBytes) =>
        _spares?.Create(path, fileBytes) ?? SpareFiles.Allocate(path, fileBytes, Options.Disk);

    private void FinishClosing(LiveGeneration generation) => Group.Maintenance.Post(() =>
    {
        try
        {
            GenerationRecovery.Close(generation, Options, Group.Logger);
            if (generation.Durable == LogAddress.FirstLocal)
            {
                lock (_gate) RemoveGeneration(generation.Files);
            }

            generation.Files.IsOpen = false;
            OnGenerationClosed();
        }
        catch (IOException e) when (IoException.TellsShortage(e))
        {
            return false;
        }
        catch
        {
            generation.Closed?.TrySetResult();
            throw;
        }

        generation.Closed?.TrySetResult();
        return true;
    });

    /// <summary>The disk failed: nobody waits for a generation to be closed.</summary>
    private void AbandonClosing()
    {
        lock (_gate)
        {
            foreach (var generation in _closing) generation.Closed?.TrySetResult();
            _lastClosing.TrySetResult();
        }
    }

    /// <summary>Asks for the next file ahead of need; under the gate. A small generation never grows.</summary>
    private void RequestFile(LiveGeneration live)
    {
        if (_fileRequested || IsSmall(live)) return;
        _fileRequested = true;
        PostAddFile(live);
    }

    private void PostAddFile(LiveGeneration live) => Group.Maintenance.Post(() => AddFile(live));

    private bool AddFile(LiveGeneration live)
    {
        lock (_gate)
        {
            if (_live != live) return true;
        }

        // Files of one generation are added by this thread only, so the count stands.
        var index = live.Device.FileCount;
        try
        {
            var file = CreateFile(live.Files.FilePath(index), live.Name.FileBytes);
            try
            {
                Posix.SyncDirectory(live.Files.Directory);
            }
            catch
            {
                file.Dispose();
                throw;
            }

            live.Device.AddFile(file);
        }
        catch (IoException e) when (e.IsShortage)
        {
            lock (_gate)
            {
                if (_noSpace) return false;
                Log.NoSpace(Group.Logger, Path, e.Message);
                _noSpace = true;
                if (!_waitsForFile) return false;

                // Who was turned away until there is another file is to ask again, and to hear that there is no room: it may have to tell others.
                _announce = true;
            }

            Kick();
            return false;
        }

        lock (_gate)
        {
            if (_noSpace) Log.SpaceReturned(Group.Logger, Path);
            _noSpace = false;
            if (_live == live) _fileRequested = false;
            if (!_waitsForFile) return true;
            _waitsForFile = false;
            _announce = true;
        }

        Kick();
        return true;
    }

    /// <summary>Nothing is written that could be announced while a log cannot even be opened: tells the listener after a while that it may try again.</summary>
    private void AnnounceLater()
    {
        if (_waitsForSpace) return;
        _waitsForSpace = true;
        var waited = false;
        Group.Maintenance.Post(() =>
        {
            if (!waited)
            {
                waited = true;
                return false;
            }

            lock (_gate) _waitsForSpace = false;
            _announce = true;
            Kick();
            return true;
        });
    }
}
