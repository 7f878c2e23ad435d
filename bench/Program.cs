using BenchmarkDotNet.Running;

BenchmarkSwitcher.FromAssembly(typeof(Delos.Bench.SteadyAppendBenchmark).Assembly).Run(args);
