using Delos.Client;
using Delos.Daemon.Commands;
using Delos.Daemon.Configuration;

namespace Delos.Tests.Commands;

[TestFixture]
public class CommandLineTests
{
    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.InvokeAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }

    [TestCase(DelosErrorCode.Unavailable, 4)]
    [TestCase(DelosErrorCode.NotFound, 5)]
    [TestCase(DelosErrorCode.AlreadyExists, 6)]
    [TestCase(DelosErrorCode.Conflict, 6)]
    [TestCase(DelosErrorCode.InvalidRequest, 2)]
    [TestCase(DelosErrorCode.OutcomeUnknown, 1)]
    [TestCase(DelosErrorCode.Trimmed, 1)]
    public void Failures_of_the_client_become_exit_codes(DelosErrorCode code, int expected) =>
        Assert.That(ExitCode.From(new DelosException(code, "")), Is.EqualTo(expected));

    [Test]
    public void Other_failures_become_exit_codes()
    {
        Assert.That(ExitCode.From(new ConfigException([])), Is.EqualTo(2));
        Assert.That(ExitCode.From(new CommandException(3, "")), Is.EqualTo(3));
        Assert.That(ExitCode.From(new IOException()), Is.EqualTo(1));
    }

    [Test]
    public async Task Cluster_that_nobody_answers_for_ends_with_4()
    {
        var (code, _, error) = await RunAsync("log", "tail", "--endpoints", "delos://127.0.0.1:1", "--timeout", "1s");
        Assert.That(code, Is.EqualTo(ExitCode.Unreachable), error);
    }

    [TestCase("log")]
    [TestCase("log", "apend")]
    [TestCase("log", "append", "--nonsense", "x")]
    [TestCase("log", "append", "x", "-o", "yaml")]
    [TestCase("log", "append", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("log", "tail", "--endpoints", "nonsense")]
    [TestCase("log", "tail", "--timeout", "soon", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("log", "tail", "--timeout", "99999999999h", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("log", "tail", "--timeout", "1160000000000s", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--replicas", "1,x", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--loglet", "round", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--loglet", "native", "--stripes", "2", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--loglet", "native", "--sharded", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--loglet", "striped", "--stripes", "0", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--loglet", "striped", "--stripes", "257", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--loglet", "striped", "--stripes", "two", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("chain", "reconfigure", "--replication", "65", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("bench", "append", "--outstanding", "0")]
    [TestCase("bench", "append", "--outstanding", "10", "--batch", "20")]
    [TestCase("bench", "table", "--mix", "read", "--nodes", "3")]
    [TestCase("bench", "table", "--mix", "90/20", "--nodes", "3")]
    [TestCase("bench", "table", "--rows", "0", "--nodes", "3")]
    [TestCase("bench", "table", "--table-nodes", "2", "--endpoints", "delos://127.0.0.1:1")]
    [TestCase("dev", "--nodes", "0", "--data", "/nonexistent/x")]
    [TestCase("config", "check", "--set", "node.idd=1")]
    public async Task Wrong_usage_ends_with_2_and_says_something(params string[] arguments)
    {
        var (code, output, error) = await RunAsync(arguments);
        Assert.That(code, Is.EqualTo(ExitCode.Usage), error);
        Assert.That(error + output, Is.Not.Empty);
    }

    [Test]
    public async Task Every_command_has_help_and_none_fails_on_it()
    {
        var root = CommandLine.Build();
        var paths = new List<string[]> { Array.Empty<string>() };
        foreach (var command in root.Subcommands)
        {
            paths.Add([command.Name]);
            paths.AddRange(command.Subcommands.Select(sub => new[] { command.Name, sub.Name }));
        }

        foreach (var path in paths)
        {
            var (code, output, _) = await RunAsync([.. path, "--help"]);
            Assert.That(code, Is.EqualTo(0), string.Join(' ', path));
            Assert.That(output, Does.Contain("Usage:"), string.Join(' ', path));
        }
    }

    [Test]
    public async Task Configuration_mistakes_are_listed_with_their_lines()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "[node]\nid = 1\n[limits]\nconections = 5\nmax_entry = huge\n");
            var (code, _, error) = await RunAsync("config", "check", "--config", file);
            Assert.That(code, Is.EqualTo(ExitCode.Usage));
            Assert.That(error, Does.Contain($"{file}:4: unknown key limits.conections; did you mean 'limits.connections'?").And.Contains($"{file}:5: limits.max_entry: 'huge'"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Test]
    public async Task Config_show_tells_each_value_and_its_source()
    {
        var (code, output, _) = await RunAsync("config", "show", "--set", "limits.connections=9", "-o", "json");
        Assert.That(code, Is.EqualTo(0));
        Assert.That(output, Does.Contain("""{"key":"limits.connections","value":"9","source":"--set limits.connections"}"""));
    }

    [Test]
    public async Task Init_writes_an_identity_once()
    {
        var directory = Path.Combine(Directory.CreateTempSubdirectory("delos-init-").FullName, "data");
        try
        {
            string[] arguments = ["init", "--data", directory, "--cluster-id", "new", "--node-id", "3"];
            Assert.That((await RunAsync(arguments)).Code, Is.EqualTo(0));
            var (code, _, error) = await RunAsync(arguments);
            Assert.That(code, Is.EqualTo(ExitCode.Conflict));
            Assert.That(error, Does.Contain("has an identity already"));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(directory) ?? directory, recursive: true);
        }
    }

    [Test]
    public async Task Init_refuses_a_directory_with_something_in_it()
    {
        var directory = Directory.CreateTempSubdirectory("delos-init-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(directory, "precious"), "x");
            var (code, _, error) = await RunAsync("init", "--data", directory, "--cluster-id", "new", "--node-id", "3");
            Assert.That(code, Is.EqualTo(ExitCode.Conflict));
            Assert.That(error, Does.Contain("is not empty (precious)"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
