using Delos.LocalStorage;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Storage;

/// <summary>Closes generations for good: the live one when its log is closed, and after a restart whatever was left open.</summary>
internal static class GenerationRecovery
{
    /// <summary>Scans one generation, cuts its torn end, and makes durable what is left before anybody hears of it (DESIGN §3, LogServer rule 1). False: it holds nothing.</summary>
    /// <param name="files">The generation.</param>
    /// <param name="sink">Hears the records.</param>
    /// <param name="later">The generations behind it.</param>
    /// <param name="options">The disk's options.</param>
    /// <param name="logger">For what was cut or damaged.</param>
    public static bool Run(GenerationFiles files, IScanSink sink, ReadOnlySpan<GenerationFiles> later, StorageOptions options, ILogger logger)
    {
        var name = files.Name;
        DeleteHalfMadeFiles(files.Directory);
        var indexes = files.FindFiles();
        var closed = ClosedMarker.TryRead(files.Directory, name.Nonce, out var markedTail, out var markedEnds);
        var proof = closed ? new GenerationProof(true, markedTail) : GenerationProof.Of(name, later);
        if (indexes.Length == 0 && proof.Tail == 0) return false;
        var lastOfTail = LastFile(proof.Tail, name);
        var first = indexes.Length > 0 ? indexes[0] : lastOfTail;
        var count = indexes.Length > 0 ? indexes[^1] + 1 : 0;
        files.FirstFile = first;
        var cut = closed ? -1 : FindCut(files, indexes);
        var scan = new GenerationScan(files, sink);
        scan.Run(first, proof.Tail > 0 ? Math.Max(count, lastOfTail + 1) : count, proof.Tail, proof.IsWhole || cut >= 0);
        files.Tail = scan.Tail;
        if (cut >= 0 && cut != scan.Tail && proof.Tail == 0)
        {
            // Nobody knows how much is gone. A hole is left behind the last record, so that the next scan sees it too.
            files.Tail = LiveGeneration.RecordEnd(Math.Max(cut, scan.Tail), 0);
            sink.OnGap(files, scan.Tail, files.Tail);
        }

        if (closed)
        {
            sink.OnEnds(markedEnds);
            return true;
        }

        if (files.Tail == LogAddress.FirstLocal) return false;
        if (scan.WasTorn) Log.TornTailCut(logger, files.Directory, scan.Tail);
        Finish(files, files.Tail, sink.DescribeEnds(), options, logger);
        return true;
    }

    /// <summary>On the maintenance thread, after the last commit.</summary>
    public static void Close(LiveGeneration generation, StorageOptions options, ILogger logger)
    {
        var tail = generation.Durable;
        generation.Dispose();
        if (tail == LogAddress.FirstLocal)
        {
            Directory.Delete(generation.Files.Directory, recursive: true);
            return;
        }

        Finish(generation.Files, tail, generation.EndsAtClose, options, logger);
    }

    /// <summary>
    /// A file is as large as it was made until the generation is closed, and then it is cut at the tail. So one that is shorter says where the generation ended, or, if the records end somewhere else, that something
    /// else cut it: then what it held is lost, and not torn. The address of the end of the first such file; -1: there is none.
    /// </summary>
    private static long FindCut(GenerationFiles files, int[] indexes)
    {
        foreach (var index in indexes)
        {
            var length = new FileInfo(files.FilePath(index)).Length;
            if (length < files.Name.FileBytes) return ((long)index << files.Name.FileBits) + length;
        }

        return -1;
    }

    private static void DeleteHalfMadeFiles(string directory)
    {
        foreach (var path in Directory.EnumerateFiles(directory, "*.seg" + SpareFiles.HalfMade)) File.Delete(path);
    }

    private static int LastFile(long tail, GenerationName name) => (int)(Math.Max(0, tail - 1) >> name.FileBits);

    private static void Finish(GenerationFiles files, long tail, IReadOnlyList<LogletEnd> ends, StorageOptions options, ILogger logger)
    {
        var last = LastFile(tail, files.Name);
        var deleted = false;
        foreach (var path in Directory.GetFiles(files.Directory))
        {
            var index = GenerationName.FileIndex(Path.GetFileName(path));
            if (index < 0) continue;
            if (index > last)
            {
                files.Forget(index);
                File.Delete(path);
                deleted = true;
                continue;
            }

            using var file = Posix.Open(path, Posix.O_RDWR);
            if (index == last) Posix.Truncate(file, tail - ((long)last << files.Name.FileBits), path);
            options.Disk.DataSync(file, path);
        }

        // Should the marker fail, what was cut must not come back behind a proof of later generations.
        if (deleted) Posix.SyncDirectory(files.Directory);
        try
        {
            ClosedMarker.Write(files.Directory, files.Name.Nonce, tail, ends, options.Disk);
        }
        catch (IoException e) when (e.IsShortage)
        {
            // The records are safe; without the marker the next scan relies on what the records prove.
            Log.MarkerNotWritten(logger, files.Directory);
        }
    }
}
