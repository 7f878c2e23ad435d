using Delos.Daemon.Configuration;

namespace Delos.Tests.Configuration;

[TestFixture]
public class SettingsTests
{
    private static readonly Dictionary<string, string> s_nothing = [];

    private static Settings Load(string text, Dictionary<string, string>? environment = null, params string[] flags) =>
        Settings.Load("a.conf", text, environment ?? s_nothing, flags, []);

    private static IReadOnlyList<string> ErrorsOf(string text, Dictionary<string, string>? environment = null, params string[] flags) =>
        Assert.Throws<ConfigException>(() => Load(text, environment, flags))?.Errors ?? [];

    [Test]
    public void Unknown_key_names_its_line_and_the_nearest_key()
    {
        var errors = ErrorsOf("[node]\nid = 1\n\n[limits]\nmax_entri = 5\n");
        Assert.That(errors, Is.EqualTo(new[] { "a.conf:5: unknown key limits.max_entri; did you mean 'limits.max_entry'?" }));
    }

    [Test]
    public void Right_key_in_the_wrong_section_names_the_right_section() =>
        Assert.That(ErrorsOf("[node]\nconnections = 5\n"), Is.EqualTo(new[] { "a.conf:2: unknown key node.connections; did you mean 'limits.connections'?" }));

    [TestCase("[]:1")]
    [TestCase("[:1")]
    [TestCase("a/b:1")]
    [TestCase("metastore = a:1")]
    [TestCase("a\u0000:1")]
    public void A_host_that_cannot_be_one_is_no_endpoint(string text)
    {
        Assert.That(HostPort.TryParse(text, out _), Is.False);
        Assert.That(() => Delos.Client.Endpoints.Parse(text), Throws.TypeOf<FormatException>());
    }

    [Test]
    public void A_path_that_no_file_system_takes_names_its_line() =>
        Assert.That(ErrorsOf("[node]\nid = 1\ndata = /a\u0000b\n"), Is.EqualTo(new[] { "a.conf:3: node.data: '/a\u0000b' is not a path" }));

    [Test]
    public void Key_like_no_other_gets_no_suggestion() =>
        Assert.That(ErrorsOf("[node]\nzzzzzzzzzzzz = 5\n"), Is.EqualTo(new[] { "a.conf:2: unknown key node.zzzzzzzzzzzz" }));

    [Test]
    public void Unknown_section_names_the_nearest() =>
        Assert.That(ErrorsOf("[limit]\n"), Is.EqualTo(new[] { "a.conf:1: unknown section [limit]; did you mean [limits]?" }));

    [TestCase("limits", "max_entry", "1 parsec", "a.conf:2: limits.max_entry: '1 parsec' is not a size like 64MiB, 1 to 1MiB")]
    [TestCase("limits", "max_entry", "2MiB", "a.conf:2: limits.max_entry: 2MiB is out of bounds: a size like 64MiB, 1 to 1MiB")]
    [TestCase("timeouts", "heartbeat_timeout", "5", "a.conf:2: timeouts.heartbeat_timeout: '5' is not a duration like 100ms, 20ms to 10m")]
    [TestCase("roles", "sequencer", "maybe", "a.conf:2: roles.sequencer: 'maybe' is not true or false")]
    [TestCase("node", "listen", "7400", "a.conf:2: node.listen: '7400' is not host:port")]
    [TestCase("cluster", "metastore", "a:1, b", "a.conf:2: cluster.metastore: 'b' is not host:port")]
    [TestCase("logging", "format", "jsn", "a.conf:2: logging.format: 'jsn' is not one of simple, systemd, json; did you mean 'json'?")]
    [TestCase("limits", "connections", "", "a.conf:2: limits.connections: needs a value (a number, 4 to 1000000)")]
    public void Bad_value_says_where_and_what_it_should_be(string section, string key, string value, string expected) =>
        Assert.That(ErrorsOf($"[{section}]\n{key} = {value}\n"), Is.EqualTo(new[] { expected }));

    [Test]
    public void Lines_that_make_no_sense_are_all_reported()
    {
        var errors = ErrorsOf("id = 1\n[node\nnonsense\n[node]\nid = 1\nid = 2\n");
        Assert.That(errors, Is.EqualTo(new[]
        {
            "a.conf:1: 'id' stands before the first [section]",
            "a.conf:2: a section is written [name], not '[node'",
            "a.conf:3: expected 'key = value', found 'nonsense'",
            "a.conf:6: node.id is given twice, first in line 5",
        }));
    }

    [Test]
    public void Flags_override_the_environment_which_overrides_the_file()
    {
        const string text = "[limits]\nconnections = 10\nclients = 20\nqueued_bytes = 2MiB\n";
        var environment = new Dictionary<string, string> { ["DELOS_LIMITS_CONNECTIONS"] = "11", ["DELOS_LIMITS_CLIENTS"] = "21", ["DELOS_ENDPOINTS"] = "delos://x:1" };
        var settings = Load(text, environment, "limits.connections=12");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(settings.Number(ConfigKeys.LimitConnections), Is.EqualTo(12));
            Assert.That(settings[ConfigKeys.LimitConnections].Source, Is.EqualTo("--set limits.connections"));
            Assert.That(settings.Number(ConfigKeys.LimitClients), Is.EqualTo(21));
            Assert.That(settings[ConfigKeys.LimitClients].Source, Is.EqualTo("environment DELOS_LIMITS_CLIENTS"));
            Assert.That(settings.Number(ConfigKeys.LimitQueued), Is.EqualTo(2 << 20));
            Assert.That(settings[ConfigKeys.LimitQueued].Source, Is.EqualTo("a.conf:4"));
            Assert.That(settings[ConfigKeys.LimitWindow].Source, Is.EqualTo("default"));
        }
    }

    [Test]
    public void Unknown_variable_of_a_known_section_is_an_error() =>
        Assert.That(ErrorsOf("", new Dictionary<string, string> { ["DELOS_NODE_LISTN"] = "x:1" }), Is.EqualTo(new[] { "environment DELOS_NODE_LISTN: unknown key node.listn; did you mean 'node.listen'?" }));

    [Test]
    public void Flag_that_is_no_assignment_is_an_error() =>
        Assert.That(ErrorsOf("", null, "limits.connections"), Is.EqualTo(new[] { "--set limits.connections: expected section.key=value" }));

    [Test]
    public void Every_default_is_a_valid_value()
    {
        foreach (var key in ConfigKeys.All)
        {
            ConfigValues.Parse(key, key.Default, out var error);
            Assert.That(error, Is.Null, key.FullName);
        }
    }

    [TestCase("512", 512)]
    [TestCase("64KiB", 64 << 10)]
    [TestCase("1.5 MiB", 3 << 19)]
    [TestCase("2gib", 2L << 30)]
    public void Sizes_take_units(string text, long bytes) =>
        Assert.That(ConfigValues.Parse(new ConfigKey("", "", ConfigKind.Size, "1", ""), text, out _), Is.EqualTo(bytes));

    [TestCase("250us", 250)]
    [TestCase("100ms", 100_000)]
    [TestCase("1.5s", 1_500_000)]
    [TestCase("2m", 120_000_000)]
    public void Durations_take_units(string text, long microseconds) =>
        Assert.That(ConfigValues.Parse(new ConfigKey("", "", ConfigKind.Duration, "1s", ""), text, out _), Is.EqualTo(microseconds));

    [TestCase("99999999999999999999GiB")]
    [TestCase("-1")]
    [TestCase("0.3")]
    [TestCase("1MB")]
    public void Sizes_that_are_none_are_refused(string text)
    {
        ConfigValues.Parse(new ConfigKey("", "", ConfigKind.Size, "1", ""), text, out var error);
        Assert.That(error, Is.Not.Null);
    }

    [TestCase("[::1]:7400", "::1", 7400)]
    [TestCase("db.example.org:1", "db.example.org", 1)]
    public void Addresses_are_host_and_port(string text, string host, int port)
    {
        Assert.That(HostPort.TryParse(text, out var value), Is.True);
        Assert.That(value, Is.EqualTo(new HostPort(host, port)));
        Assert.That(value?.ToString(), Is.EqualTo(text));
    }

    [TestCase("::1:7400")]
    [TestCase("host:70000")]
    [TestCase(":1")]
    [TestCase("host:")]
    [TestCase("[host]:1")]
    public void Addresses_that_are_none_are_refused(string text) => Assert.That(HostPort.TryParse(text, out _), Is.False);
}
