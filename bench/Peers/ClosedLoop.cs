using System.Diagnostics;
using Delos.Daemon.Commands;

namespace Delos.Bench.Peers;

/// <summary>What a load does.</summary>
internal enum LoadKind
{
    Write,
    Read,
    Scan,
}

/// <summary>So many writes (or reads, or scans) under way on one connection, each answered one followed by the next.</summary>
/// <param name="client">The connection.</param>
/// <param name="size">Bytes of a write.</param>
/// <param name="outstanding">Calls under way at a time.</param>
/// <param name="kind">What a call is.</param>
/// <param name="notesGaps">Whether <see cref="LongestGap"/> is wanted, which takes a state machine for each call.</param>
internal sealed class ClosedLoop(IPeerClient client, int size, int outstanding, LoadKind kind = LoadKind.Write, bool notesGaps = false)
{
    private readonly byte[] _payload = MakePayload(size);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _lastTicks;
    private long _longestGapTicks;
    private long _endTicks;

    /// <summary>Longest time without any answer, from the first answer on and up to the end of what was measured: a load that is never answered again has a gap, too.</summary>
    public TimeSpan LongestGap => new(Math.Max(Interlocked.Read(ref _longestGapTicks), Interlocked.Read(ref _endTicks) - Interlocked.Read(ref _lastTicks)));

    /// <summary>Forgets the gaps until now, of connections and compilers that had to warm up.</summary>
    public void ForgetGaps() => Interlocked.Exchange(ref _longestGapTicks, 0);

    public async Task<LoopResult> RunAsync(TimeSpan warmUp, TimeSpan duration, Func<IReadOnlyList<int>> processes, CancellationToken cancellationToken)
    {
        using var load = new ClosedLoad<long>(notesGaps ? CallAndNoteAsync : Call, outstanding, client.IsFailure);
        IReadOnlyList<int> ids = [];
        StolenTime? host = null;
        var stolen = 0.0;
        double[] before = [], processor = [];
        await load.RunAsync(warmUp, duration, cancellationToken, isBeginning =>
        {
            if (isBeginning) ids = processes();
            var now = ids.Select(static i => PeerProcess.ProcessorTime(i).TotalSeconds).ToArray();
            if (isBeginning)
            {
                before = now;
                host = new StolenTime();
                return;
            }

            processor = [.. now.Zip(before, static (end, begin) => end - begin)];
            stolen = host?.Share ?? 0;
            Interlocked.Exchange(ref _endTicks, _clock.Elapsed.Ticks);
        }).ConfigureAwait(false);
        var all = load.Microseconds;
        var each = 10_000.0 / Math.Max(1, all.Count);
        return new LoopResult(all.Count / load.Measured.TotalSeconds, all.Percentile(50), all.Percentile(99), all.Percentile(99.9), processor.Sum() * each, processor.DefaultIfEmpty().Max() * each, load.Errors, stolen);
    }

    private ValueTask<long> Call() => kind switch
    {
        LoadKind.Read => client.ReadAsync(),
        LoadKind.Scan => client.ScanAsync(PeersPlan.ScanRows),
        _ => client.WriteAsync(_payload),
    };

    private async ValueTask<long> CallAndNoteAsync()
    {
        var answer = await Call().ConfigureAwait(false);
        NoteAnswer();
        return answer;
    }

    private void NoteAnswer()
    {
        var now = _clock.Elapsed.Ticks;
        var last = Interlocked.Exchange(ref _lastTicks, now);
        if (last == 0) return;
        for (var longest = Interlocked.Read(ref _longestGapTicks); now - last > longest;)
        {
            var seen = Interlocked.CompareExchange(ref _longestGapTicks, now - last, longest);
            if (seen == longest) return;
            longest = seen;
        }
    }

    private static byte[] MakePayload(int size)
    {
        var payload = new byte[size];
        new Random(1).NextBytes(payload);
        return payload;
    }
}

/// <param name="PerSecond">Answers per second.</param>
/// <param name="P50">Microseconds.</param>
/// <param name="P99">Microseconds.</param>
/// <param name="P999">Microseconds.</param>
/// <param name="ProcessorSeconds">Of all servers, for each 10,000 answers.</param>
/// <param name="BusiestProcessorSeconds">Of the server that used most, for each 10,000 answers.</param>
/// <param name="Errors">Writes that had to be tried again.</param>
/// <param name="Stolen">The part of the processors' time that the machine's host gave to others meanwhile.</param>
internal sealed record LoopResult(double PerSecond, long P50, long P99, long P999, double ProcessorSeconds, double BusiestProcessorSeconds, long Errors, double Stolen);
