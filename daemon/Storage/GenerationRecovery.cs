using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Storage;

/// <summary>Closes generations for good: the live one when its log is closed, and after a restart whatever was left open.</summary>
internal static class GenerationRecovery
{
    /// <summary>Scans one generation, cuts its torn end, and makes durable what is left before anybody hears of it (DESIGN §3, LogServer rule 1). False: it holds nothing.</summary>
    /// <param name="files">The generation.</param>
    /// <param name="sink">Hears the records.</param>
    /// <param name="ends">What a new marker shall say of the Loglets' ends; asked after the scan.</param>
    /// <param name="options">The disk's options.</param>
    /// <param name="logger">For what was cut or damaged.</param>
    public static bool Run(GenerationFiles files, IScanSink sink, Func<List<LogletEnd>> ends, StorageOptions options, ILogger logger)
    {
        var name = files.Name;
        var indexes = Directory.EnumerateFiles(files.Directory).Select(f => GenerationName.FileIndex(Path.GetFileName(f))).Where(i => i >= 0).Order().ToArray();
        var closed = ClosedMarker.TryRead(files.Directory, name.Nonce, out var markedTail, out var markedEnds);
        if (indexes.Length == 0 && !closed) return false;
        var lastOfTail = closed ? LastFile(markedTail, name) : 0;
        var first = indexes.Length > 0 ? indexes[0] : lastOfTail;
        var count = indexes.Length > 0 ? indexes[^1] + 1 : 0;
        files.FirstFile = first;
        var scan = new GenerationScan(files, sink);
        scan.Run(first, Math.Max(count, closed ? lastOfTail + 1 : 0), markedTail);
        files.Tail = scan.Tail;
        if (closed)
        {
            sink.OnEnds(markedEnds);
            return true;
        }

        if (scan.Tail == LogAddress.FirstLocal) return false;
        if (scan.WasTorn) Log.TornTailCut(logger, files.Directory, scan.Tail);
        Finish(files, scan.Tail, ends(), options, logger);
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

    private static int LastFile(long tail, GenerationName name) => (int)(Math.Max(0, tail - 1) >> name.FileBits);

    private static void Finish(GenerationFiles files, long tail, IReadOnlyList<LogletEnd> ends, StorageOptions options, ILogger logger)
    {
        var last = LastFile(tail, files.Name);
        foreach (var path in Directory.GetFiles(files.Directory))
        {
            var index = GenerationName.FileIndex(Path.GetFileName(path));
            if (index < 0) continue;
            if (index > last)
            {
                files.Forget(index);
                File.Delete(path);
                continue;
            }

            using var file = Posix.Open(path, Posix.O_RDWR);
            if (index == last) Posix.Truncate(file, tail - ((long)last << files.Name.FileBits), path);
            options.Disk.DataSync(file, path);
        }

        try
        {
            ClosedMarker.Write(files.Directory, files.Name.Nonce, tail, ends, options.Disk);
        }
        catch (IoException e) when (e.IsNoSpace)
        {
            // The records are safe; without the marker the next scan relies on what the records prove.
            Log.MarkerNotWritten(logger, files.Directory);
        }
    }
}
