using System.Globalization;
using BenchmarkDotNet.Running;
using Delos.Bench;
using Delos.Bench.Alone;
using Delos.Bench.Peers;

// Everything but these is for BenchmarkDotNet.
if (args is ["baseline", ..]) return await BaselineCommand.Create().Parse(args[1..]).InvokeAsync();
if (args is ["peers" or "alone" or FollowersProcess.Verb, ..])
{
    // As delosd has it for itself: the load generators' read loops never block.
    Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
    if (args is [FollowersProcess.Verb, var endpoints, var log, var count, var clients])
        return await FollowersProcess.RunAsync(endpoints, log, int.Parse(count, CultureInfo.InvariantCulture), int.Parse(clients, CultureInfo.InvariantCulture));

    return await Delos.Daemon.Commands.CommandLine.InvokeAsync(args[0] == "peers" ? PeersCommand.Create() : AloneCommand.Create(), args[1..]);
}

BenchmarkSwitcher.FromAssembly(typeof(SteadyAppendBenchmark).Assembly).Run(args);
return 0;
