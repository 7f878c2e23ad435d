using System.CommandLine;
using System.Globalization;
using Delos.Daemon.Commands;

namespace Delos.Bench.Peers;

/// <summary>Measures Delos and its peers side by side in one run; see scripts/bench-peers.sh.</summary>
internal static class PeersCommand
{
    public static Command Create()
    {
        var what = new Argument<string>("what") { Description = "log: appends of 128 B and 1 KiB to the log. table: puts of 100 B rows, gets and scans.", DefaultValueFactory = _ => "log" };
        what.AcceptOnlyFromAmong("log", "table");
        var sizes = new Option<int[]>("--sizes") { Description = "Bytes of a write; default: 128 1024, with table 100.", AllowMultipleArgumentsPerToken = true };
        var outstanding = new Option<int[]>("--outstanding") { Description = "Writes under way at a time; default: 1 16 64 256 1024, with table 1 64 256.", AllowMultipleArgumentsPerToken = true };
        var rounds = new Option<int>("--rounds") { Description = "How often all of it; the systems take turns within each.", DefaultValueFactory = _ => 3 };
        var seconds = new Option<double>("--seconds") { Description = "Of each measurement.", DefaultValueFactory = _ => 5 };
        var warmUp = new Option<double>("--warm-up") { Description = "Seconds of load before each.", DefaultValueFactory = _ => 2 };
        var kills = new Option<int>("--kills") { Description = "Deaths of the leader, for the write gap; each begins with fresh servers. 0: none.", DefaultValueFactory = _ => 3 };
        var delosd = new Option<string>("--delosd") { Description = "The daemon; default: the one built with this program, which is not compiled ahead of time.", DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "delosd") };
        var peers = new Option<string[]>("--peers") { Description = "Which systems; default: delos etcd zookeeper nats, with table delos-table etcd zookeeper. Ratios are to the first.", AllowMultipleArgumentsPerToken = true };
        var output = new Option<string>("--output") { Description = "Directory for results.md and the plots.", DefaultValueFactory = _ => "bench-peers" };
        var data = new Option<string>("--data") { Description = "Directory for the servers' data, on the disk to be measured; its contents are deleted afterwards.", DefaultValueFactory = _ => "." };
        var command = new Command("peers", "Measures Delos, etcd, ZooKeeper and NATS JetStream side by side: three servers each, on loopback.") { what, sizes, outstanding, rounds, seconds, warmUp, kills, delosd, peers, output, data };
        return command.Does(async context =>
        {
            var (arguments, cancellationToken) = (context.Arguments, context.Cancelled);
            var table = arguments.GetValue(what) == "table";
            var plan = new PeersPlan(
                Given(sizes) ?? (table ? [100] : [128, 1024]), Given(outstanding) ?? (table ? [1, 64, 256] : [1, 16, 64, 256, 1024]), arguments.GetValue(rounds), TimeSpan.FromSeconds(arguments.GetValue(warmUp)), TimeSpan.FromSeconds(arguments.GetValue(seconds)), arguments.GetValue(kills));
            var makers = (Given(peers) ?? (table ? ["delos-table", "etcd", "zookeeper"] : ["delos", "etcd", "zookeeper", "nats"])).Select(p => Maker(p, arguments.GetValue(delosd)!)).ToArray();
            var scratch = Directory.CreateDirectory(Path.Combine(Path.GetFullPath(arguments.GetValue(data)!), $".delos-peers-{Environment.ProcessId}"));
            try
            {
                var report = await new PeersRun(plan, makers, scratch.FullName).RunAsync(cancellationToken).ConfigureAwait(false);
                var directory = Directory.CreateDirectory(arguments.GetValue(output)!).FullName;
                await File.WriteAllTextAsync(Path.Combine(directory, "results.md"), report.Markdown(), cancellationToken).ConfigureAwait(false);
                foreach (var (name, svg) in report.Plots()) await File.WriteAllTextAsync(Path.Combine(directory, name), svg, cancellationToken).ConfigureAwait(false);
                Console.WriteLine(report.Markdown());
                return 0;
            }
            finally
            {
                scratch.Delete(recursive: true);
            }

            T[]? Given<T>(Option<T[]> option) => arguments.GetValue(option) is { Length: > 0 } values ? values : null;
        }, "bench-peers");
    }

    private static Func<IPeer> Maker(string name, string delosd) => name.ToLower(CultureInfo.InvariantCulture) switch
    {
        "delos" => () => new DelosPeer(Path.GetFullPath(delosd)),
        "delos-striped" => () => new DelosPeer(Path.GetFullPath(delosd), stripes: Servers.Count),
        "delos-table" => () => new DelosTablePeer(Path.GetFullPath(delosd)),
        "etcd" => () => new EtcdPeer(),
        "zookeeper" => () => new ZooKeeperPeer(),
        "nats" => () => new NatsPeer(),
        _ => throw new ArgumentException($"There is no peer '{name}'; there are delos, delos-striped, delos-table, etcd, zookeeper and nats."),
    };
}
