using BenchmarkDotNet.Running;
using Delos.Bench;
using Delos.Bench.Alone;
using Delos.Bench.Peers;

// Everything but `peers`, `alone` and `baseline` is for BenchmarkDotNet.
if (args is ["baseline", ..]) return await BaselineCommand.Create().Parse(args[1..]).InvokeAsync();
if (args is ["peers" or "alone", ..])
{
    // As delosd has it for itself: the load generators' read loops never block.
    Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
    return await Delos.Daemon.Commands.CommandLine.InvokeAsync(args[0] == "peers" ? PeersCommand.Create() : AloneCommand.Create(), args[1..]);
}

BenchmarkSwitcher.FromAssembly(typeof(SteadyAppendBenchmark).Assembly).Run(args);
return 0;
