import pytest
import torch

from vae_core.families.vq_vae.quantisers.gradient import Rotation, StraightThrough


def _case(seed: int, n: int = 6, d: int = 5, k: int = 4):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(n, d, generator=generator, dtype=torch.float64, requires_grad=True)
    codebook = torch.randn(k, d, generator=generator, dtype=torch.float64)
    weights = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return tokens, codebook, torch.randint(k, (n,), generator=generator), weights


@pytest.mark.parametrize("gradient", [StraightThrough, Rotation])
def test_the_codes_themselves_come_out(gradient):
    tokens, codebook, indices, _ = _case(0)
    codes, error = gradient.apply(tokens, codebook, indices)
    assert torch.equal(codes, codebook[indices])
    assert error.item() == pytest.approx((tokens - codebook[indices]).square().mean().item(), rel=1e-12)


def test_straight_through_equals_its_usual_definition():
    tokens, codebook, indices, weights = _case(1)
    codes, error = StraightThrough.apply(tokens, codebook, indices)
    ((codes * weights).sum() + 0.3 * error).backward()
    found, tokens.grad = tokens.grad, None
    chosen = codebook[indices]
    passed = tokens + (chosen - tokens).detach()
    ((passed * weights).sum() + 0.3 * (tokens - chosen).square().mean()).backward()
    torch.testing.assert_close(found, tokens.grad, rtol=1e-12, atol=1e-12)


def test_rotation_equals_autograd_through_the_explicit_matrices():
    tokens, codebook, indices, weights = _case(2)
    codes, error = Rotation.apply(tokens, codebook, indices)
    ((codes * weights).sum() + 0.3 * error).backward()
    found, tokens.grad = tokens.grad, None

    chosen, passed = codebook[indices], []
    for z, e in zip(tokens, chosen, strict=True):
        z_hat, e_hat = (z / z.norm()).detach(), e / e.norm()
        r = (e_hat + z_hat) / (e_hat + z_hat).norm()
        rotation = torch.eye(5, dtype=torch.float64) - 2 * torch.outer(r, r) + 2 * torch.outer(e_hat, z_hat)
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(5, dtype=torch.float64))
        passed.append((e.norm() / z.norm()).detach() * rotation @ z)
    rotated = torch.stack(passed)
    torch.testing.assert_close(rotated.detach(), chosen, rtol=1e-10, atol=1e-10)
    ((rotated * weights).sum() + 0.3 * (tokens - chosen).square().mean()).backward()
    torch.testing.assert_close(found, tokens.grad, rtol=1e-10, atol=1e-12)


def test_rotation_keeps_the_angle_between_gradient_and_code():
    tokens, codebook, indices, weights = _case(3)
    codes, _ = Rotation.apply(tokens, codebook, indices)
    (codes * weights).sum().backward()
    cosine = torch.nn.functional.cosine_similarity
    torch.testing.assert_close(cosine(tokens.grad, tokens.detach()), cosine(weights, codebook[indices]))


@pytest.mark.parametrize("token", [[0.0, 0.0], [-1.0, 0.0]], ids=["at the origin", "opposite to its code"])
def test_rotation_of_a_degenerate_token_is_finite(token):
    tokens = torch.tensor([token], requires_grad=True)
    codes, error = Rotation.apply(tokens, torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    (1e-3 * codes.sum() + error).backward()
    assert torch.isfinite(tokens.grad).all() and tokens.grad.abs().max() < 10
