using System.Diagnostics;
using Delos.Client;
using Delos.Daemon.Commands;
using Delos.Daemon.Dev;

namespace Delos.Tests.Dev;

[TestFixture]
[Category("Process")]
public class DevClusterTests
{
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("delos-dev-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    private DevClusterOptions Options(int nodes) => new() { Nodes = nodes, Directory = Path.Combine(_directory, "cluster"), Settings = ["storage.file_size=2MiB", "storage.spare_files=1", "node.rehearsal=false"], StartTimeout = TimeSpan.FromSeconds(60) };

    [Test]
    public async Task Cluster_of_real_processes_keeps_its_log_over_a_restart()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await using (var cluster = await DevCluster.StartAsync(Options(3), patience.Token))
        {
            await using var client = DelosClient.Connect(cluster.Endpoints);
            for (var i = 0; i < 10; i++) Assert.That(await client.Log("a").AppendAsync(new byte[] { (byte)i }, patience.Token), Is.EqualTo(i));
            Assert.That(await cluster.StopAsync(), Is.True, "every node stops cleanly");
        }

        await using (var cluster = await DevCluster.StartAsync(Options(3), patience.Token))
        {
            await using var client = DelosClient.Connect(cluster.Endpoints);
            await client.Log("a").AppendAsync(new byte[] { 10 }, patience.Token);
            var bytes = new List<byte>();
            await foreach (var entry in client.Log("a").ReadAsync(0, cancellationToken: patience.Token)) bytes.AddRange(entry.Payload.ToArray());
            Assert.That(bytes, Is.EqualTo(Enumerable.Range(0, 11).Select(i => (byte)i)));
        }
    }

    [Test]
    public async Task Killed_node_is_noticed_and_can_be_started_again()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await using var cluster = await DevCluster.StartAsync(Options(3), patience.Token);
        var died = new TaskCompletionSource<uint>(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster[2].OnDied = (node, _) => died.TrySetResult(node.NodeId);
        using (var process = Process.GetProcessById(cluster[2].ProcessId)) process.Kill();
        Assert.That(await died.Task.WaitAsync(patience.Token), Is.EqualTo(2));
        Assert.That((await RunAsync("status", "--endpoints", cluster.Endpoints)).Code, Is.EqualTo(ExitCode.Degraded));
        await cluster.RestartAsync(2, patience.Token);
        Assert.That((await RunAsync("status", "--endpoints", cluster.Endpoints)).Code, Is.EqualTo(ExitCode.Ok));
    }

    [Test]
    public async Task Commands_answer_in_json_and_by_exit_code()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await using var cluster = await DevCluster.StartAsync(Options(1), patience.Token);
        var file = Path.Combine(_directory, "lines");
        await File.WriteAllTextAsync(file, "one\ntwo\n\nfour", patience.Token);
        string[] to = ["--endpoints", cluster.Endpoints, "-o", "json"];
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await RunAsync(["log", "tail", .. to])).Code, Is.EqualTo(ExitCode.NotFound), "no log yet");

            // One node cannot keep three copies.
            Assert.That((await RunAsync(["log", "append", "x", "--timeout", "3s", .. to])).Code, Is.EqualTo(ExitCode.Unreachable));
            Assert.That((await RunAsync(["log", "list", .. to])).Output, Is.Empty);
            Assert.That((await RunAsync(["status", .. to])).Code, Is.EqualTo(ExitCode.Ok));
        }
    }

    [Test]
    public async Task Node_that_cannot_start_says_why()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = (taken.LocalEndpoint as System.Net.IPEndPoint)?.Port ?? 0;
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => DevCluster.StartAsync(Options(1) with { Port = port }, CancellationToken.None));
        Assert.That(failure?.Message, Does.Contain("node 1 ended with exit code 1").And.Contains("another process uses the port"));
    }

    [Test]
    [Category("Trap08")]
    public async Task Lost_disk_rejoins_only_after_the_operator_replaced_the_node()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await using var cluster = await DevCluster.StartAsync(Options(3), patience.Token);
        await using var client = DelosClient.Connect(cluster.Endpoints);
        await client.Log("a").AppendAsync(new byte[] { 1 }, patience.Token);
        await cluster[3].KillAsync();
        Directory.Delete(cluster[3].DataDirectory, recursive: true);

        var emptied = await RefusalAsync();
        Assert.That(emptied, Does.Contain("does not exist"));
        var init = await RunAsync("init", "--data", cluster[3].DataDirectory, "--cluster-id", cluster.ClusterId.ToString(), "--node-id", "3", "--replace", "-o", "json");
        Assert.That(init.Code, Is.EqualTo(ExitCode.Ok));
        var disk = System.Text.Json.JsonDocument.Parse(init.Output).RootElement.GetProperty("diskId").GetString() ?? "";
        Assert.That(await RefusalAsync(), Does.Contain($"delosd node replace 3 --disk {disk}"));

        Assert.That((await RunAsync("node", "replace", "3", "--disk", disk, "--endpoints", cluster.Endpoints)).Code, Is.EqualTo(ExitCode.Ok));
        await cluster.RestartAsync(3, patience.Token);
        Assert.That(await client.Log("a").AppendAsync(new byte[] { 2 }, patience.Token), Is.EqualTo(1));

        async Task<string> RefusalAsync()
        {
            try
            {
                await cluster.RestartAsync(3, patience.Token);
            }
            catch (InvalidOperationException refusal)
            {
                return refusal.Message;
            }

            return "it started";
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var output = new StringWriter();
        var code = await CommandLine.InvokeAsync(arguments, output, new StringWriter());
        return (code, output.ToString());
    }
}
