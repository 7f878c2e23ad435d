using System.Diagnostics;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Dev;
using Microsoft.Extensions.Logging;

namespace Delos.Bench;

/// <summary>
/// How long a client's appends stand still: when the sequencer's process is killed (SIGKILL), and when an operator reconfigures under load. Three real processes on the real disk;
/// 64 appends outstanding; a gap is the longest time between two acknowledgements in a trial.
/// </summary>
internal static class GapBenchmark
{
    private const string Log = "gap";
    private const int Outstanding = 64;

    /// <param name="trials">Of each kind.</param>
    /// <param name="keep">Keep the cluster's directory, with the nodes' log files, and write the client's log and the trials into it as well (<c>client.log</c>): to find where a gap's time went.</param>
    public static async Task RunAsync(int trials, bool keep)
    {
        var directory = Path.Combine(Environment.CurrentDirectory, $".delos-gap-{Guid.NewGuid():n}");
        Directory.CreateDirectory(directory);
        try
        {
            using var log = keep ? new FileLog(Path.Combine(directory, "client.log")) : null;
            using var logging = LoggerFactory.Create(b =>
            {
                if (log is not null) b.SetMinimumLevel(LogLevel.Debug).AddProvider(log);
            });
            await using var cluster = await DevCluster.StartAsync(new DevClusterOptions { Nodes = 3, Directory = Path.Combine(directory, "cluster") }, CancellationToken.None);
            await using var client = await DelosClient.ConnectAsync(cluster.Endpoints, new DelosClientOptions { LoggerFactory = logging });
            var load = new Load(client.Log(Log));
            await load.SettleAsync(TimeSpan.FromSeconds(3));

            var planned = new List<double>();
            for (var i = 0; i < trials; i++)
            {
                load.BeginTrial();
                await client.Admin.ReconfigExtendAsync(Log, new ReconfigExtendOptions { Reason = "benchmark" });
                await load.SettleAsync(TimeSpan.FromSeconds(1));
                planned.Add(load.LongestGap);
                log?.WriteLine($"planned trial {i}: {load.LongestGap:F1} ms, ended {load.LongestEnded:HH:mm:ss.fff}");
            }

            var kills = new List<double>();
            for (var i = 0; i < trials; i++)
            {
                var victim = (await client.Admin.ChainAsync(Log)).Active.Loglet.SequencerNode;
                load.BeginTrial();
                await cluster[victim].KillAsync();
                await load.SettleAsync(TimeSpan.FromSeconds(2));
                kills.Add(load.LongestGap);
                log?.WriteLine($"kill trial {i} of node {victim}: {load.LongestGap:F1} ms, ended {load.LongestEnded:HH:mm:ss.fff}");
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
            if (keep) Console.WriteLine($"kept {directory}");
            else Directory.Delete(directory, recursive: true);
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

        /// <summary>When the longest gap ended, local time.</summary>
        public DateTime LongestEnded { get; private set; }

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
                    var gap = Stopwatch.GetElapsedTime(_last, now).TotalMilliseconds;
                    if (gap > _longest) (_longest, LongestEnded) = (gap, DateTime.Now);
                    _last = now;
                }
            }
        }
    }
}
