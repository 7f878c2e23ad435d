using System.Text;
using Delos.Client;
using Delos.LocalStorage;
using Delos.Runtime;
using Delos.Samples.LockService;

// One replica of the lock service:  LockService ENDPOINTS REPLICA-ID DIRECTORY
// Reads commands from standard input, one a line (see Locks), and "show NAME"; writes the answers. Start as many as you like, anywhere: they meet in the log.
if (args is not [var endpoints, var id, var directory] || !ulong.TryParse(id, out var replica) || replica == 0)
{
    await Console.Error.WriteLineAsync("usage: LockService delos://HOST:PORT[,...] REPLICA-ID SNAPSHOT-DIRECTORY");
    return 2;
}

await using var client = await DelosClient.ConnectAsync(endpoints);
await using var log = client.OpenLog("locks");

// The locks fit into memory; after a restart they come from the newest snapshot and the log behind it.
await using var runtime = DelosRuntime.Start(log, new Locks(), new MemoryStoreFactory(), new DirectorySnapshots(directory), new RuntimeOptions { ReplicaId = replica, SnapshotEvery = 10_000 });
await runtime.ReadyAsync();
while (await Console.In.ReadLineAsync() is { } line)
{
    try
    {
        if (line.Split(' ') is ["show", var name])
        {
            using var snapshot = await runtime.ReadAsync(ReadLevel.Linearizable);
            Console.WriteLine(Locks.Read(snapshot, name, DateTimeOffset.UtcNow) is { } held ? Encoding.UTF8.GetString(held.Encode()) : "free");
        }
        else
        {
            var result = await runtime.ProposeAsync(Encoding.UTF8.GetBytes(line));
            Console.WriteLine(Encoding.UTF8.GetString(result.Payload.Span));
        }
    }
    catch (DelosException e)
    {
        Console.WriteLine($"error: {e.Message}");
    }
}

return 0;
