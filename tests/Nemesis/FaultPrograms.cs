using System.Collections.Concurrent;

namespace Delos.Tests.Nemesis;

/// <summary>The C programs of <c>tests/faults</c>, compiled by gcc when they are first needed in a run.</summary>
internal static class FaultPrograms
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> s_compiled = new(StringComparer.Ordinal);

    /// <summary>A library to be preloaded; its path.</summary>
    /// <param name="name">Of the source, without its ending.</param>
    public static Task<string> CompileLibraryAsync(string name) => CompileAsync(name, name + ".so", "-shared", "-fPIC", "-ldl");

    /// <summary>A program; its path.</summary>
    /// <inheritdoc cref="CompileLibraryAsync"/>
    public static Task<string> CompileProgramAsync(string name) => CompileAsync(name, name);

    private static Task<string> CompileAsync(string name, string result, params string[] options) => s_compiled.GetOrAdd(result, _ => new Lazy<Task<string>>(async () =>
    {
        var directory = Path.Combine(TestContext.CurrentContext.WorkDirectory, "fault-programs");
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, result);
        await Shell.RunAsync("gcc", ["-O2", "-Wall", "-Wextra", "-o", path, Path.Combine(TestContext.CurrentContext.TestDirectory, "faults", name + ".c"), .. options]);
        return path;
    })).Value;
}
