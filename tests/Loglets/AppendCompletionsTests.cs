using Delos.Client.Loglets;
using Delos.Protocol.Framing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Loglets;

public class AppendCompletionsTests
{
    [Test]
    public void An_append_whose_callback_fails_does_not_take_the_outcomes_of_others_with_it()
    {
        var gate = new Lock();
        var completions = new AppendCompletions(gate, NullLogger.Instance);
        var client = new Client(5);
        Op[] ops = [new Op(client, 1), new Op(client, 2) { Fails = true }, new Op(client, 3), new Op(client, 4)];
        foreach (var op in ops[..3]) Add(op, StatusCode.Ok);
        completions.Deliver();
        Add(ops[3], StatusCode.Ok);
        completions.Deliver();
        Assert.That(ops.Select(op => string.Join(",", op.Outcomes)), Is.EqualTo(new[] { "1", "2", "3", "4" }), "each once, at its position");
        Assert.That(client.Deliveries, Is.EqualTo(2));

        void Add(Op op, StatusCode status)
        {
            lock (gate) completions.Add(op, status, (long)op.Sequence);
        }
    }

    [Test]
    public void A_failure_after_a_delivery_keeps_no_later_outcome_back_and_repeats_none()
    {
        var gate = new Lock();
        var completions = new AppendCompletions(gate, NullLogger.Instance);
        var client = new Client(5) { Fails = true };
        Op[] ops = [new Op(client, 1), new Op(client, 2)];
        lock (gate) completions.Add(ops[0], StatusCode.Ok, 1);
        Assert.That(completions.Deliver, Throws.InvalidOperationException);
        client.Fails = false;
        lock (gate) completions.Add(ops[1], StatusCode.Sealed, 2);
        completions.Deliver();
        Assert.That(ops.Select(op => string.Join(",", op.Outcomes)), Is.EqualTo(new[] { "1", "2" }));
        Assert.That(client.Deliveries, Is.EqualTo(1));
    }

    private sealed class Client(ulong id) : AppendClient(id)
    {
        public bool Fails { get; set; }

        public int Deliveries { get; private set; }

        public override void OnCompletionsDelivered()
        {
            if (Fails) throw new InvalidOperationException("This client always does.");
            Deliveries++;
        }
    }

    private sealed class Op : AppendOp
    {
        private readonly Client _client;

        public Op(Client client, ulong sequence)
        {
            _client = client;
            Sequence = sequence;
        }

        public bool Fails { get; init; }

        public List<long> Outcomes { get; } = [];

        public override AppendClient Client => _client;

        public override void OnCompleted(StatusCode status, long position)
        {
            Outcomes.Add(position);
            if (Fails) throw new InvalidOperationException("This one always does.");
        }
    }
}
