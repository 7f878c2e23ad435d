using System.Text;
using Delos.Client;
using Delos.LocalStorage;
using Delos.Runtime;
using Delos.Samples.LockService;

// One replica of the lock service:  LockService ENDPOINTS REPLICA-ID SNAPSHOT-DIRECTORY [STORE-DIRECTORY]
// Reads commands from standard input, one a line (see Locks), "show NAME" and "status"; writes the answers. Start as many as you like, anywhere: they meet in the log.
if (args is not [var endpoints, var id, var directory, .. var store] || store.Length > 1 || !ulong.TryParse(id, out var replica) || replica == 0)
{
    await Console.Error.WriteLineAsync("usage: LockService delos://HOST:PORT[,...] REPLICA-ID SNAPSHOT-DIRECTORY [STORE-DIRECTORY]");
    return 2;
}

await using var client = await DelosClient.ConnectAsync(endpoints);
await using var log = client.OpenLog("locks");

// In memory the locks come, after a restart, from the newest snapshot and the log behind it; on the disk from there, which leaves little of the log to apply.
ILocalStoreFactory stores = store is [var path] ? new RocksStoreFactory(new RocksStoreOptions { Directory = path }) : new MemoryStoreFactory();
var options = new RuntimeOptions { ReplicaId = replica, SnapshotEvery = 10_000, ReportEvery = TimeSpan.FromSeconds(1) };
await using var runtime = DelosRuntime.Start(log, new Locks(), stores, new DirectorySnapshots(directory), options);
await runtime.ReadyAsync();
while (await Console.In.ReadLineAsync() is { } line)
{
    try
    {
        if (line == "status")
        {
            var status = runtime.Status;
            Console.WriteLine($"{status.State} at {status.Cursor}, durable {status.DurableCursor}, checksum {status.Checksum:x16} {status.Problem}".TrimEnd());
        }
        else if (line.Split(' ') is ["show", var name])
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
