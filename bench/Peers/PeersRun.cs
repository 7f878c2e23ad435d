using System.Diagnostics;
using System.Globalization;

namespace Delos.Bench.Peers;

/// <summary>One run: starts all systems, gives them the same load in turns, then kills their leaders.</summary>
internal sealed class PeersRun(PeersPlan plan, IReadOnlyList<Func<IPeer>> makers, string directory)
{
    private readonly PeersReport _report = new(plan);
    private readonly long _begun = Stopwatch.GetTimestamp();

    public async Task<PeersReport> RunAsync(CancellationToken cancellationToken)
    {
        var peers = new List<IPeer>();
        try
        {
            foreach (var make in makers) peers.Add(await StartAsync(make, cancellationToken).ConfigureAwait(false));
            foreach (var peer in peers) _report.Add(peer, await peer.VersionAsync(cancellationToken).ConfigureAwait(false));
            for (var round = 0; round < plan.Rounds; round++)
            {
                MeasureFloor();
                foreach (var size in plan.Sizes)
                {
                    foreach (var outstanding in plan.Outstanding)
                    {
                        foreach (var peer in peers) await WriteAsync(peer, size, outstanding, cancellationToken).ConfigureAwait(false);
                    }
                }

                foreach (var peer in peers.Where(p => p.Read is not null)) await ReadAsync(peer, cancellationToken).ConfigureAwait(false);
                foreach (var peer in peers.Where(p => p.Scan is not null)) await ScanAsync(peer, cancellationToken).ConfigureAwait(false);
                foreach (var peer in peers.Where(p => p.Tail is not null)) await TryAsync($"{peer.Name}, a reader at the tail", () => FollowAsync(peer, cancellationToken), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var peer in peers) await peer.DisposeAsync().ConfigureAwait(false);
        }

        for (var kill = 0; kill < plan.Kills; kill++)
        {
            foreach (var make in makers) await TryAsync("SIGKILL of the leader", () => GapAsync(make, cancellationToken), cancellationToken).ConfigureAwait(false);
        }

        return _report;
    }

    private async Task<IPeer> StartAsync(Func<IPeer> make, CancellationToken cancellationToken)
    {
        var peer = make();
        Tell($"{peer.Name} starts");
        try
        {
            var own = Directory.CreateDirectory(Path.Combine(directory, $"{peer.GetType().Name}-{Guid.NewGuid():n}"));
            await peer.StartAsync(own.FullName, cancellationToken).ConfigureAwait(false);
            return peer;
        }
        catch
        {
            await peer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task WriteAsync(IPeer peer, int size, int outstanding, CancellationToken cancellationToken)
    {
        await using var client = await peer.ConnectAsync(cancellationToken).ConfigureAwait(false);
        var result = await new ClosedLoop(client, size, outstanding).RunAsync(plan.WarmUp, plan.Duration, () => peer.ProcessIds, cancellationToken).ConfigureAwait(false);
        _report.OnWrites(peer, size, outstanding, result);
        Tell(string.Create(CultureInfo.InvariantCulture, $"{peer.Name}, {size} B x {outstanding}: {result.PerSecond:F0}/s, p50 {result.P50} us, p99 {result.P99} us{(result.Errors > 0 ? $", {result.Errors} errors" : "")}"));
    }

    private async Task ReadAsync(IPeer peer, CancellationToken cancellationToken)
    {
        await using var client = await peer.ConnectAsync(cancellationToken).ConfigureAwait(false);
        foreach (var outstanding in new[] { 1, PeersPlan.GapOutstanding })
        {
            var result = await new ClosedLoop(client, 0, outstanding, LoadKind.Read).RunAsync(plan.WarmUp, plan.Duration, () => peer.ProcessIds, cancellationToken).ConfigureAwait(false);
            _report.OnReads(peer, outstanding, result);
            Tell(string.Create(CultureInfo.InvariantCulture, $"{peer.Name}, linearizable reads x {outstanding}: {result.PerSecond:F0}/s, p50 {result.P50} us"));
        }
    }

    private async Task ScanAsync(IPeer peer, CancellationToken cancellationToken)
    {
        await using var client = await peer.ConnectAsync(cancellationToken).ConfigureAwait(false);
        foreach (var outstanding in new[] { 1, PeersPlan.ScanOutstanding })
        {
            var result = await new ClosedLoop(client, 0, outstanding, LoadKind.Scan).RunAsync(plan.WarmUp, plan.Duration, () => peer.ProcessIds, cancellationToken).ConfigureAwait(false);
            _report.OnScans(peer, outstanding, result);
            Tell(string.Create(CultureInfo.InvariantCulture, $"{peer.Name}, scans of {PeersPlan.ScanRows} rows x {outstanding}: {result.PerSecond:F0}/s, p50 {result.P50} us"));
        }
    }

    /// <summary>One reader at the tail of what is written at the same time.</summary>
    private async Task FollowAsync(IPeer peer, CancellationToken cancellationToken)
    {
        await using var client = await peer.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var reader = await peer.FollowAsync(cancellationToken).ConfigureAwait(false);
        var writing = new ClosedLoop(client, PeersPlan.TailSize, PeersPlan.TailOutstanding).RunAsync(plan.WarmUp, plan.Duration, () => peer.ProcessIds, cancellationToken);
        await Task.Delay(plan.WarmUp, cancellationToken).ConfigureAwait(false);
        var (begun, before) = (Stopwatch.GetTimestamp(), reader.Delivered);
        await Task.Delay(plan.Duration, cancellationToken).ConfigureAwait(false);
        var delivered = (reader.Delivered - before) / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var writes = await writing.ConfigureAwait(false);
        if (reader.Failure is { } failure) throw new PeerException($"{peer.Name}'s reader has ended: {failure.Message}", failure);
        _report.OnTail(peer, writes, delivered);
        Tell(string.Create(CultureInfo.InvariantCulture, $"{peer.Name}, a reader at the tail: {delivered:F0}/s of {writes.PerSecond:F0}/s written"));
    }

    /// <summary>What was measured before is not lost with a system that does not stand this.</summary>
    private async Task TryAsync(string what, Func<Task> measure, CancellationToken cancellationToken)
    {
        try
        {
            await measure().ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Tell($"{what}: could not be measured: {e.Message}");
        }
    }

    /// <summary>Fresh servers, so that no death is an earlier one's aftermath.</summary>
    private async Task GapAsync(Func<IPeer> make, CancellationToken cancellationToken)
    {
        await using var peer = await StartAsync(make, cancellationToken).ConfigureAwait(false);
        await using var client = new ReconnectingClient(peer, await peer.ConnectAsync(cancellationToken).ConfigureAwait(false));
        var loop = new ClosedLoop(client, PeersPlan.GapSize, PeersPlan.GapOutstanding, notesGaps: true);
        var running = loop.RunAsync(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(12), () => peer.ProcessIds, cancellationToken);
        await Task.Delay(TimeSpan.FromSeconds(4), cancellationToken).ConfigureAwait(false);
        loop.ForgetGaps();
        await peer.KillLeaderAsync(cancellationToken).ConfigureAwait(false);
        await running.ConfigureAwait(false);
        _report.OnGap(peer, loop.LongestGap);
        Tell(string.Create(CultureInfo.InvariantCulture, $"{peer.Name}, SIGKILL of the leader: no write for {loop.LongestGap.TotalMilliseconds:F0} ms"));
    }

    private void MeasureFloor()
    {
        var sync = Floor.SyncThree(directory, TimeSpan.FromSeconds(2));
        var trip = Floor.RoundTrip(TimeSpan.FromSeconds(1));
        _report.OnFloor(sync, trip);
        Tell($"floor: 4 KiB written and synced in three files p50 {sync.Percentile(50)} us, round trip p50 {trip.Percentile(50)} us");
    }

    private void Tell(string what) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_begun):mm\\:ss} {what}"));
}
