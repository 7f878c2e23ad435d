namespace Delos.Daemon.Storage;

// What a start finds, and what it leaves for the next start to find.
public abstract partial class RecordLog
{
    /// <summary>The last generation that held something and takes no more appends, and where it ended; durable or not yet.</summary>
    private (uint Number, long Tail) _previous;

    /// <summary>Scans what is on disk, cuts torn ends, makes the rest durable and closes it. Before any append.</summary>
    private protected void Recover(IScanSink sink, bool deleteBeforeBase)
    {
        var found = new List<GenerationName>();
        foreach (var path in Directory.EnumerateDirectories(Path))
        {
            var name = System.IO.Path.GetFileName(path);
            if (GenerationName.TryParse(name, out var generation)) found.Add(generation);
            else if (name.EndsWith(".tmp", StringComparison.Ordinal)) Directory.Delete(path, recursive: true);
        }

        found.Sort((a, b) => a.Number.CompareTo(b.Number));
        var baseIndex = found.FindLastIndex(g => g.IsBase);
        for (var i = 0; deleteBeforeBase && i < baseIndex; i++) Directory.Delete(System.IO.Path.Combine(Path, found[i].ToString()), recursive: true);
        var generations = found.Skip(Math.Max(0, deleteBeforeBase ? baseIndex : 0)).Select(n => new GenerationFiles(System.IO.Path.Combine(Path, n.ToString()), n, _cache, Options.Disk)).ToArray();
        for (var i = 0; i < generations.Length; i++)
        {
            var files = generations[i];
            _nextNumber = files.Name.Number + 1;
            if (GenerationRecovery.Run(files, sink, generations.AsSpan(i + 1), Options, Group.Logger))
            {
                _generations = [.. _generations, files];
                _previous = (files.Name.Number, files.Tail);
                continue;
            }

            foreach (var index in files.FindFiles()) files.Forget(index);
            Directory.Delete(files.Directory, recursive: true);
        }

        if (_generations.Length > 0) _durable = LogAddress.Make(_generations[^1].Name.Number, _generations[^1].Tail);
    }

    /// <summary>Under the gate: no more appends to this generation.</summary>
    private void EndAppends(LiveGeneration live)
    {
        live.EndsAtClose = DescribeEnds();
        if (live.End > LogAddress.FirstLocal) _previous = (live.Name.Number, live.End);
        _closing.Add(live);
    }

    /// <summary>Under the gate: the first record of a generation that follows another (see <see cref="GenerationProof"/>).</summary>
    private void WriteOpening(LiveGeneration live)
    {
        if (_previous.Number == 0) return;
        Span<byte> ends = LogletEnd.Encode(DescribeEnds(), []);
        if (ends.Length > LiveGeneration.MaxPayload(live.Name.PageBytes)) ends = [];
        var status = live.TryAppend(GenerationProof.Opening(_previous.Number, _previous.Tail), null, ends, useReserve: true, out _, out _);
        if (status != AppendStatus.Ok) throw new InvalidOperationException($"A new generation does not take its first record: {status}.");
    }
}
