using System.Diagnostics;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Dev;

namespace Delos.Bench;

/// <summary>
/// How long a client's appends stand still: when the sequencer's process is killed (SIGKILL), and when an operator reconfigures under load. Three real processes on the real disk;
/// 64 appends outstanding; a gap is the longest time between two acknowledgements in a trial.
/// </summary>
internal static class GapBenchmark
{
    private const string Log = "gap";
    private const int Outstanding = 64;

    public static async Task RunAsync(int trials)
    {
        var directory = Path.Combine(Environment.CurrentDirectory, $".delos-gap-{Guid.NewGuid():n}");
        try
        {
            await using var cluster = await DevCluster.StartAsync(new DevClusterOptions { Nodes = 3, Directory = directory }, CancellationToken.None);
            await using var client = await DelosClient.ConnectAsync(cluster.Endpoints);
            var load = new Load(client.Log(Log));
            await load.SettleAsync(TimeSpan.FromSeconds(3));

            var planned = new List<double>();
            for (var i = 0; i < trials; i++)
            {
                load.BeginTrial();
                await client.Admin.ReconfigExtendAsync(Log, new ReconfigExtendOptions { Reason = "benchmark" });
                await load.SettleAsync(TimeSpan.FromSeconds(1));
                planned.Add(load.LongestGap);
            }

            var kills = new List<double>();
            for (var i = 0; i < trials; i++)
            {
                var victim = (await client.Admin.ChainAsync(Log)).Active.Loglet.SequencerNode;
                load.BeginTrial();
                await cluster[victim].KillAsync();
                await load.SettleAsync(TimeSpan.FromSeconds(2));
                kills.Add(load.LongestGap);
                await cluster.RestartAsync(victim, CancellationToken.None);
                await load.SettleAsync(TimeSpan.FromSeconds(2));
            }

            await load.StopAsync();
            Print("planned reconfiguration under load", planned);
            Print("SIGKILL of the sequencer's process", kills);
            Console.WriteLine($"appends acknowledged {load.Acknowledged}, failed {load.Failed}, tail {await client.Log(Log).CheckTailAsync()}");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Print(string what, List<double> gaps)
    {
        var sorted = gaps.Order().ToList();
        Console.WriteLine($"{what}: median {sorted[sorted.Count / 2]:F1} ms, max {sorted[^1]:F1} ms, {gaps.Count} trials: {string.Join(' ', gaps.Select(g => g.ToString("F1")))}");
    }

    private sealed class Load
    {
        private readonly DelosLog _log;
        private readonly Task[] _appenders;
        private readonly Lock _lock = new();
        private long _last = Stopwatch.GetTimestamp();
        private double _longest;
        private volatile bool _stopped;

        public Load(DelosLog log)
        {
            _log = log;
            _appenders = [.. Enumerable.Range(0, Outstanding).Select(_ => AppendAsync())];
        }

        public long Acknowledged { get; private set; }

        public long Failed { get; private set; }

        public double LongestGap
        {
            get
            {
                lock (_lock) return _longest;
            }
        }

        public void BeginTrial()
        {
            lock (_lock) _longest = 0;
        }

        public Task SettleAsync(TimeSpan time) => Task.Delay(time);

        public Task StopAsync()
        {
            _stopped = true;
            return Task.WhenAll(_appenders);
        }

        private async Task AppendAsync()
        {
            await Task.Yield();
            var payload = new byte[128];
            while (!_stopped)
            {
                var succeeded = true;
                try
                {
                    await _log.AppendAsync(payload);
                }
                catch (DelosException e)
                {
                    Console.Error.WriteLine(e.Message);
                    succeeded = false;
                }

                lock (_lock)
                {
                    if (succeeded) Acknowledged++;
                    else Failed++;
                    var now = Stopwatch.GetTimestamp();
                    _longest = Math.Max(_longest, Stopwatch.GetElapsedTime(_last, now).TotalMilliseconds);
                    _last = now;
                }
            }
        }
    }
}
